//! The place where it all happens: houses, a road, a pavement in front of the camera.

use super::canvas::{Canvas, Shape, noise};
use super::{HEIGHT, WIDTH};

/// Where the houses end and the far pavement begins.
const FAR_PAVEMENT: f32 = 52.0;
/// Where the road begins.
const ROAD: f32 = 58.0;
/// Where the near kerb begins.
const KERB: f32 = 71.0;
/// Where the near pavement begins.
const PAVEMENT: f32 = 73.5;

/// One house of the row.
struct House {
    /// Its walls in x.
    left: f32,
    right: f32,
    /// The lower edge of the roof.
    eaves: f32,
    /// The ridge of the roof; the same as `eaves` for a flat roof.
    ridge: f32,
    wall: f32,
    roof: f32,
    /// Where the door stands, counted in windows from the left.
    door: u32,
}

const HOUSES: [House; 4] = [
    House {
        left: -4.0,
        right: 34.0,
        eaves: 21.0,
        ridge: 8.0,
        wall: 126.0,
        roof: 74.0,
        door: 2,
    },
    House {
        left: 34.0,
        right: 68.0,
        eaves: 12.0,
        ridge: 12.0,
        wall: 158.0,
        roof: 96.0,
        door: 1,
    },
    House {
        left: 68.0,
        right: 102.0,
        eaves: 23.0,
        ridge: 11.0,
        wall: 108.0,
        roof: 62.0,
        door: 0,
    },
    House {
        left: 122.0,
        right: 164.0,
        eaves: 18.0,
        ridge: 5.0,
        wall: 142.0,
        roof: 80.0,
        door: 1,
    },
];

/// The empty street. `seed` only moves the grain of its surfaces.
pub(super) fn draw(seed: u64) -> Canvas {
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    sky(&mut canvas);
    // Trees of a park, seen through the gap in the row.
    for (x, y, r) in [(104.0, 42.0, 9.0), (113.0, 39.0, 10.0), (121.0, 43.0, 8.0)] {
        canvas.paint(Shape::Ellipse(x, y, r, r), 128.0);
    }
    canvas.paint(Shape::Rect(101.0, 43.0, 123.0, FAR_PAVEMENT), 122.0);
    for house in &HOUSES {
        draw_house(&mut canvas, house);
    }
    ground(&mut canvas);
    tree(&mut canvas, 112.0, 54.5);
    parked_car(&mut canvas, 30.0, 60.5);
    grain(&mut canvas, seed);
    canvas
}

/// The lamp post stands between the camera and the pavement, so it is drawn over the figures.
pub(super) fn draw_foreground(canvas: &mut Canvas) {
    canvas.paint(Shape::Limb((139.0, 24.0), (139.0, 87.0), 0.9), 44.0);
    canvas.paint(Shape::Limb((139.0, 74.0), (139.0, 88.0), 1.6), 40.0);
    canvas.paint(Shape::Limb((139.0, 25.0), (130.0, 22.0), 0.7), 44.0);
    canvas.paint(Shape::Limb((131.0, 22.5), (127.0, 22.0), 1.3), 60.0);
    canvas.paint(Shape::Limb((130.5, 23.6), (127.5, 23.3), 0.5), 240.0);
}

fn sky(canvas: &mut Canvas) {
    canvas.change(|_, y, _| 196.0 + y * 0.9);
    for (x, y, rx, ry) in [
        (58.0, 5.0, 15.0, 2.5),
        (70.0, 7.0, 12.0, 2.0),
        (111.0, 14.0, 9.0, 2.0),
    ] {
        canvas.shade(Shape::Ellipse(x, y, rx, ry), 0.6, |_, _| 240.0);
    }
}

fn draw_house(canvas: &mut Canvas, house: &House) {
    let House {
        left,
        right,
        eaves,
        ridge,
        wall,
        roof,
        door,
    } = *house;
    // Brickwork: every third row a little darker.
    canvas.shade(
        Shape::Rect(left, eaves, right, FAR_PAVEMENT),
        1.0,
        |_, y| {
            wall - if (y as u32).is_multiple_of(3) {
                7.0
            } else {
                0.0
            } - (y - eaves) * 0.25
        },
    );
    if ridge < eaves {
        let corners = [
            (left + 9.0, ridge),
            (right - 9.0, ridge),
            (right + 1.0, eaves),
            (left - 1.0, eaves),
        ];
        canvas.shade(Shape::Convex(&corners), 1.0, |_, y| {
            roof + ((y as u32) % 2) as f32 * 8.0
        });
        canvas.paint(
            Shape::Rect(right - 15.0, ridge - 4.0, right - 11.0, ridge + 3.0),
            roof - 12.0,
        );
    }
    canvas.paint(
        Shape::Rect(left - 1.0, eaves - 1.0, right + 1.0, eaves + 0.8),
        roof - 20.0,
    );
    // The neighbour's shadow makes the houses stand apart.
    canvas.shade(
        Shape::Rect(right - 1.5, eaves + 0.8, right, FAR_PAVEMENT),
        0.4,
        |_, _| 40.0,
    );

    let columns = 3;
    let step = (right - left) / columns as f32;
    for column in 0..columns {
        let x = left + step * (column as f32 + 0.5);
        window(canvas, x, eaves + 4.0, 7.0);
        if column == door {
            canvas.paint(Shape::Rect(x - 3.0, 39.5, x + 3.0, FAR_PAVEMENT), 215.0);
            canvas.paint(Shape::Rect(x - 2.0, 40.5, x + 2.0, FAR_PAVEMENT), 52.0);
            canvas.paint(Shape::Ellipse(x + 1.1, 46.5, 0.6, 0.6), 210.0);
        } else {
            window(canvas, x, 39.5, 7.5);
        }
        if eaves < 16.0 {
            window(canvas, x, eaves + 15.0, 7.0);
        }
    }
}

fn window(canvas: &mut Canvas, x: f32, top: f32, height: f32) {
    canvas.paint(
        Shape::Rect(x - 3.6, top - 0.8, x + 3.6, top + height + 0.8),
        214.0,
    );
    // The glass mirrors the sky, brighter at the top.
    canvas.shade(
        Shape::Rect(x - 2.8, top, x + 2.8, top + height),
        1.0,
        |px, y| 96.0 - (y - top) * 7.0 + (px - x) * 3.0,
    );
    canvas.paint(Shape::Rect(x - 0.4, top, x + 0.4, top + height), 206.0);
    canvas.paint(
        Shape::Rect(x - 4.2, top + height + 0.6, x + 4.2, top + height + 1.6),
        190.0,
    );
}

fn ground(canvas: &mut Canvas) {
    let width = WIDTH as f32;
    let height = HEIGHT as f32;
    canvas.shade(Shape::Rect(0.0, FAR_PAVEMENT, width, ROAD), 1.0, |_, y| {
        150.0 + y - FAR_PAVEMENT
    });
    canvas.paint(Shape::Rect(0.0, ROAD - 1.2, width, ROAD), 192.0);
    canvas.shade(Shape::Rect(0.0, ROAD, width, KERB), 1.0, |_, y| {
        78.0 + (y - ROAD) * 1.2
    });
    let mut x = -6.0;
    while x < width {
        let dash = [
            (x, 63.4),
            (x + 12.0, 63.4),
            (x + 11.4, 65.0),
            (x - 0.6, 65.0),
        ];
        canvas.paint(Shape::Convex(&dash), 188.0);
        x += 24.0;
    }
    canvas.paint(Shape::Rect(0.0, KERB, width, PAVEMENT), 204.0);
    canvas.paint(Shape::Rect(0.0, PAVEMENT - 1.0, width, PAVEMENT), 132.0);
    canvas.shade(Shape::Rect(0.0, PAVEMENT, width, height), 1.0, |_, y| {
        164.0 + (y - PAVEMENT) * 1.1
    });
    // Paving slabs; their joints lead towards a point far above the picture.
    canvas.shade(
        Shape::Limb((0.0, 80.0), (width, 80.0), 0.3),
        0.35,
        |_, _| 90.0,
    );
    for slab in 0..14 {
        let far = slab as f32 * 15.0 - 20.0;
        let near = far + (far - width / 2.0) * 0.12;
        canvas.shade(
            Shape::Limb((far, PAVEMENT), (near, height), 0.3),
            0.35,
            |_, _| 90.0,
        );
    }
}

fn tree(canvas: &mut Canvas, x: f32, foot: f32) {
    canvas.cast_shadow((x, foot), (10.0, 2.0), 0.5);
    canvas.paint(Shape::Limb((x, foot), (x + 0.6, 36.0), 1.3), 52.0);
    for (dx, y, r, tone) in [
        (-4.0, 33.0, 6.5, 74.0),
        (4.5, 33.5, 6.0, 66.0),
        (0.5, 27.0, 7.0, 84.0),
        (-2.0, 24.5, 4.0, 104.0),
        (-5.0, 30.5, 3.0, 96.0),
    ] {
        canvas.paint(Shape::Ellipse(x + dx, y, r, r * 0.9), tone);
    }
}

fn parked_car(canvas: &mut Canvas, x: f32, foot: f32) {
    canvas.cast_shadow((x, foot + 0.5), (20.0, 2.6), 0.6);
    let cabin = [
        (x - 8.0, 48.0),
        (x + 6.0, 48.0),
        (x + 11.0, 53.0),
        (x - 12.0, 53.0),
    ];
    canvas.paint(Shape::Convex(&cabin), 196.0);
    let glass = [
        (x - 7.0, 49.0),
        (x + 5.2, 49.0),
        (x + 8.8, 52.6),
        (x - 9.6, 52.6),
    ];
    canvas.paint(Shape::Convex(&glass), 64.0);
    canvas.paint(Shape::Rect(x - 1.4, 48.5, x - 0.2, 53.0), 196.0);
    canvas.paint(Shape::Limb((x - 15.0, 55.5), (x + 15.5, 55.5), 2.7), 200.0);
    canvas.paint(Shape::Rect(x - 17.0, 56.4, x + 17.5, 57.2), 150.0);
    canvas.paint(Shape::Ellipse(x + 17.0, 54.8, 0.9, 0.9), 245.0);
    for wheel in [x - 10.0, x + 10.5] {
        canvas.paint(Shape::Ellipse(wheel, 58.0, 3.0, 3.0), 34.0);
        canvas.paint(Shape::Ellipse(wheel, 58.0, 1.3, 1.3), 150.0);
    }
}

/// The grain of asphalt and stone, and a lens that is darker towards its corners.
fn grain(canvas: &mut Canvas, seed: u64) {
    let (cx, cy) = (WIDTH as f32 / 2.0, HEIGHT as f32 / 2.0);
    canvas.change(|x, y, tone| {
        let roughness = if y > ROAD { 5.0 } else { 2.0 };
        let (dx, dy) = ((x - cx) / cx, (y - cy) / cy);
        (tone + noise(seed, x, y) * roughness) * (1.0 - 0.09 * (dx * dx + dy * dy))
    });
}
