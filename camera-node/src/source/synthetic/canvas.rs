//! A grey canvas with anti-aliased shapes.
//!
//! Only `+ - * /`, comparisons and `sqrt` are used: IEEE 754 fixes their results, so the same scene
//! has the same pixels on every machine. The platform's `sin` would not.

/// A shape in pixel coordinates; x grows to the right, y grows downwards.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape<'a> {
    /// An upright rectangle from its top left to its bottom right corner.
    Rect(f32, f32, f32, f32),
    /// An ellipse: centre, then both radii.
    Ellipse(f32, f32, f32, f32),
    /// A circle's outline: centre, radius, half of the line's width.
    Ring(f32, f32, f32, f32),
    /// A thick line with round ends: two points and half of the line's width.
    Limb((f32, f32), (f32, f32), f32),
    /// A convex polygon, its corners in clockwise order as seen on the screen.
    Convex(&'a [(f32, f32)]),
}

impl Shape<'_> {
    /// The distance of a point to the shape's edge in pixels, negative inside. Exact for lines and
    /// rings, close enough for smooth edges otherwise.
    fn distance(&self, x: f32, y: f32) -> f32 {
        match *self {
            Shape::Rect(left, top, right, bottom) => {
                (left - x).max(x - right).max(top - y).max(y - bottom)
            }
            Shape::Ellipse(cx, cy, rx, ry) => {
                (length((x - cx) / rx, (y - cy) / ry) - 1.0) * rx.min(ry)
            }
            Shape::Ring(cx, cy, radius, half_width) => {
                (length(x - cx, y - cy) - radius).abs() - half_width
            }
            Shape::Limb(from, to, half_width) => segment_distance(from, to, (x, y)) - half_width,
            Shape::Convex(corners) => corners
                .iter()
                .zip(corners.iter().cycle().skip(1))
                .map(|(&a, &b)| half_plane_distance(a, b, (x, y)))
                .fold(f32::NEG_INFINITY, f32::max),
        }
    }
}

fn length(x: f32, y: f32) -> f32 {
    (x * x + y * y).sqrt()
}

fn segment_distance(a: (f32, f32), b: (f32, f32), p: (f32, f32)) -> f32 {
    let (bx, by) = (b.0 - a.0, b.1 - a.1);
    let (px, py) = (p.0 - a.0, p.1 - a.1);
    let squared = bx * bx + by * by;
    let along = if squared > 0.0 {
        ((px * bx + py * by) / squared).clamp(0.0, 1.0)
    } else {
        0.0
    };
    length(px - bx * along, py - by * along)
}

fn half_plane_distance(a: (f32, f32), b: (f32, f32), p: (f32, f32)) -> f32 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let norm = length(dx, dy);
    if norm > 0.0 {
        ((p.0 - a.0) * dy - (p.1 - a.1) * dx) / norm
    } else {
        f32::NEG_INFINITY
    }
}

/// A grey picture under construction; 0 is black and 255 is white.
#[derive(Clone, Debug)]
pub(super) struct Canvas {
    width: u32,
    /// Row by row from the top.
    tones: Vec<f32>,
}

impl Canvas {
    /// A black canvas of `width` x `height` pixels.
    pub(super) fn new(width: u32, height: u32) -> Canvas {
        Canvas {
            width,
            tones: vec![0.0; width as usize * height as usize],
        }
    }

    /// Paints `shape` in one tone.
    pub(super) fn paint(&mut self, shape: Shape<'_>, tone: f32) {
        self.shade(shape, 1.0, |_, _| tone);
    }

    /// Paints `shape` with the tone that `tone` gives for each point, seen at `opacity` in 0..=1.
    pub(super) fn shade(&mut self, shape: Shape<'_>, opacity: f32, tone: impl Fn(f32, f32) -> f32) {
        self.change(|x, y, old| {
            let covered = (0.5 - shape.distance(x, y)).clamp(0.0, 1.0) * opacity;
            if covered > 0.0 {
                old + (tone(x, y) - old) * covered
            } else {
                old
            }
        });
    }

    /// Darkens an ellipse softly, most in its middle.
    pub(super) fn cast_shadow(&mut self, centre: (f32, f32), radii: (f32, f32), depth: f32) {
        self.change(|x, y, old| {
            let away = length((x - centre.0) / radii.0, (y - centre.1) / radii.1).min(1.0);
            old * (1.0 - depth * (1.0 - away * away))
        });
    }

    /// Replaces each pixel by `change(x of its middle, y of its middle, its tone)`.
    pub(super) fn change(&mut self, change: impl Fn(f32, f32, f32) -> f32) {
        let width = self.width.max(1) as usize;
        for (index, tone) in self.tones.iter_mut().enumerate() {
            let (x, y) = ((index % width) as f32 + 0.5, (index / width) as f32 + 0.5);
            *tone = change(x, y, *tone);
        }
    }

    /// The finished picture: one byte per pixel, row by row.
    pub(super) fn into_luma(self) -> Vec<u8> {
        // A float cast saturates, so nothing wraps around.
        self.tones
            .into_iter()
            .map(|tone| (tone + 0.5) as u8)
            .collect()
    }
}

/// A number in -1..=1 that depends on nothing but its arguments. The sum of two uniform numbers:
/// small values are likelier than large ones, like a sensor's noise.
pub(super) fn noise(seed: u64, x: f32, y: f32) -> f32 {
    let place = (u64::from(x as u32) << 32) | u64::from(y as u32);
    let bits = scramble(seed.wrapping_add(scramble(place)));
    let unit = |bits: u64| (bits & 0xFFFF) as f32 / 65_535.0;
    unit(bits) + unit(bits >> 16) - 1.0
}

/// The SplitMix64 finaliser (Steele, Lea, Flood 2014): every input bit changes half of the output.
pub(super) fn scramble(value: u64) -> u64 {
    let mut bits = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(shape: Shape<'_>) -> Vec<u8> {
        let mut canvas = Canvas::new(4, 3);
        canvas.paint(shape, 200.0);
        canvas.into_luma()
    }

    #[test]
    fn a_rectangle_covers_whole_and_half_pixels() {
        let expected = [0, 0, 0, 0, 0, 200, 100, 0, 0, 0, 0, 0];
        assert_eq!(picture(Shape::Rect(1.0, 1.0, 2.5, 2.0)), expected);
    }

    #[test]
    fn a_polygon_of_four_corners_is_the_rectangle() {
        let corners = [(1.0, 0.0), (3.0, 0.0), (3.0, 2.0), (1.0, 2.0)];
        assert_eq!(
            picture(Shape::Convex(&corners)),
            picture(Shape::Rect(1.0, 0.0, 3.0, 2.0))
        );
    }

    #[test]
    fn a_limb_of_no_length_is_a_disc() {
        let middle = (1.5, 1.5);
        let limb = picture(Shape::Limb(middle, middle, 1.0));
        assert_eq!(limb, picture(Shape::Ellipse(1.5, 1.5, 1.0, 1.0)));
        assert_eq!(limb[5], 200);
    }

    #[test]
    fn tones_saturate_instead_of_wrapping() {
        let mut canvas = Canvas::new(2, 1);
        canvas.change(|x, _, _| if x < 1.0 { -40.0 } else { 400.0 });
        assert_eq!(canvas.into_luma(), [0, 255]);
    }

    #[test]
    fn noise_is_balanced_and_repeatable() {
        let sum: f32 = (0..10_000).map(|i| noise(7, i as f32, 3.0)).sum();
        assert!(sum.abs() < 200.0, "sum {sum}");
        assert_eq!(noise(7, 1.0, 2.0), noise(7, 1.0, 2.0));
        assert_ne!(noise(7, 1.0, 2.0), noise(8, 1.0, 2.0));
    }
}
