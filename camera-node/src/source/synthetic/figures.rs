//! Who moves through the street: a person on foot and a cyclist.

use super::canvas::{Canvas, Shape};

/// A person on foot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walker {
    /// Between the feet, in pixels.
    pub(super) x: f32,
    /// The ground under the feet, in pixels from the top.
    pub(super) ground: f32,
    /// 1.0 walks to the right, -1.0 to the left.
    pub(super) facing: f32,
    /// Steps walked so far; the legs swing with it.
    pub(super) steps: f32,
    /// Stands still with both arms up.
    pub(super) startled: bool,
    /// The tone of the coat.
    pub(super) coat: f32,
}

/// A cyclist.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cyclist {
    /// Between the wheels, in pixels.
    pub(super) x: f32,
    /// The ground under the wheels, in pixels from the top.
    pub(super) ground: f32,
    /// Turns of the pedals so far.
    pub(super) turns: f32,
}

/// Swings between -1 and 1 once per unit of `time`, close to a cosine, without the platform's own.
fn swing(time: f32) -> f32 {
    let triangle = 4.0 * (time - time.floor() - 0.5).abs() - 1.0;
    triangle * (1.5 - 0.5 * triangle * triangle)
}

impl Walker {
    pub(super) fn draw(&self, canvas: &mut Canvas) {
        let Walker {
            x,
            ground,
            facing,
            coat,
            ..
        } = *self;
        canvas.cast_shadow((x + 4.0, ground + 0.5), (13.0, 2.6), 0.55);
        let stride = if self.startled {
            0.25
        } else {
            swing(self.steps * 0.5)
        };
        // The body sinks a little when the legs are apart.
        let sink = stride * stride * 1.2;
        let hip = (x, ground - 16.5 + sink);
        let shoulder = (x + 0.8 * facing, ground - 29.5 + sink);

        self.arm(canvas, shoulder, stride, coat - 26.0);
        self.leg(canvas, hip, -stride, 30.0);
        self.leg(canvas, hip, stride, 44.0);
        canvas.paint(Shape::Limb((hip.0, hip.1 - 1.5), shoulder, 3.5), coat);
        // The coat's hem, wider than the waist.
        let hem = [
            (hip.0 - 3.3, hip.1 - 5.0),
            (hip.0 + 3.3, hip.1 - 5.0),
            (hip.0 + 4.4, hip.1 + 4.5),
            (hip.0 - 4.4, hip.1 + 4.5),
        ];
        canvas.paint(Shape::Convex(&hem), coat);
        self.arm(canvas, shoulder, -stride, coat + 24.0);

        let head = (shoulder.0 + 0.6 * facing, shoulder.1 - 5.8);
        canvas.paint(
            Shape::Limb(head, (shoulder.0, shoulder.1 - 1.5), 1.3),
            150.0,
        );
        canvas.paint(Shape::Ellipse(head.0, head.1, 2.9, 3.3), 178.0);
        canvas.paint(
            Shape::Ellipse(head.0 - 0.6 * facing, head.1 - 1.5, 3.1, 2.3),
            38.0,
        );
    }

    fn leg(&self, canvas: &mut Canvas, hip: (f32, f32), stride: f32, tone: f32) {
        let ahead = stride * self.facing;
        let foot = (
            self.x + 6.2 * ahead,
            self.ground - 1.0 - if stride < 0.0 { -stride } else { 0.0 },
        );
        let knee = (
            (hip.0 + foot.0) / 2.0 + 1.3 * self.facing,
            (hip.1 + foot.1) / 2.0,
        );
        canvas.paint(Shape::Limb(hip, knee, 1.9), tone);
        canvas.paint(Shape::Limb(knee, foot, 1.5), tone);
        canvas.paint(
            Shape::Limb(foot, (foot.0 + 2.2 * self.facing, foot.1 + 0.3), 1.1),
            tone - 14.0,
        );
    }

    fn arm(&self, canvas: &mut Canvas, shoulder: (f32, f32), stride: f32, tone: f32) {
        let (elbow, hand) = if self.startled {
            let side = if stride < 0.0 { -1.0 } else { 1.0 };
            (
                (shoulder.0 + 5.0 * side, shoulder.1 - 1.0),
                (shoulder.0 + 6.5 * side, shoulder.1 - 8.0),
            )
        } else {
            let ahead = stride * self.facing;
            (
                (shoulder.0 + 2.6 * ahead, shoulder.1 + 6.0),
                (
                    shoulder.0 + 5.4 * ahead + 1.2 * self.facing,
                    shoulder.1 + 11.0,
                ),
            )
        };
        canvas.paint(Shape::Limb(shoulder, elbow, 1.5), tone);
        canvas.paint(Shape::Limb(elbow, hand, 1.3), tone);
        canvas.paint(Shape::Ellipse(hand.0, hand.1, 1.3, 1.3), 172.0);
    }
}

impl Cyclist {
    /// Always rides to the right.
    pub(super) fn draw(&self, canvas: &mut Canvas) {
        let Cyclist { x, ground, turns } = *self;
        canvas.cast_shadow((x + 3.0, ground + 0.5), (21.0, 2.8), 0.55);
        let axle = ground - 7.0;
        let pedals = (x - 1.0, axle + 0.6);
        let seat = (x - 5.5, ground - 18.0);
        let bars = (x + 8.0, ground - 18.5);
        self.leg(canvas, seat, pedals, turns + 0.5, 42.0);
        for wheel in [x - 10.5, x + 10.5] {
            canvas.paint(Shape::Ring(wheel, axle, 6.4, 0.8), 28.0);
            canvas.shade(Shape::Ellipse(wheel, axle, 5.6, 5.6), 0.25, |_, _| 90.0);
            canvas.paint(Shape::Ellipse(wheel, axle, 1.0, 1.0), 60.0);
        }
        let bar = |canvas: &mut Canvas, from, to| canvas.paint(Shape::Limb(from, to, 0.75), 235.0);
        bar(canvas, (x - 10.5, axle), pedals);
        bar(canvas, (x - 10.5, axle), (seat.0, seat.1 + 2.0));
        bar(canvas, pedals, (seat.0, seat.1 + 1.0));
        bar(canvas, pedals, (bars.0 - 0.5, bars.1 + 4.0));
        bar(
            canvas,
            (seat.0 + 0.8, seat.1 + 3.5),
            (bars.0 - 0.8, bars.1 + 3.0),
        );
        bar(canvas, (bars.0 - 0.8, bars.1), (x + 10.5, axle));
        canvas.paint(
            Shape::Limb((seat.0 - 2.0, seat.1), (seat.0 + 2.0, seat.1), 1.0),
            24.0,
        );
        canvas.paint(
            Shape::Limb((bars.0 - 1.0, bars.1), (bars.0 + 1.6, bars.1 - 0.6), 0.9),
            24.0,
        );

        let shoulder = (x + 3.2, ground - 28.0);
        canvas.paint(Shape::Limb((seat.0, seat.1 - 2.5), shoulder, 3.3), 226.0);
        self.leg(canvas, seat, pedals, turns, 60.0);
        canvas.paint(Shape::Limb(shoulder, (x + 5.5, ground - 22.5), 1.5), 205.0);
        canvas.paint(
            Shape::Limb((x + 5.5, ground - 22.5), (bars.0, bars.1 - 1.0), 1.3),
            176.0,
        );
        canvas.paint(Shape::Ellipse(x + 6.6, ground - 32.5, 2.8, 3.1), 180.0);
        canvas.paint(Shape::Ellipse(x + 6.0, ground - 34.2, 3.6, 2.1), 246.0);
    }

    fn leg(
        &self,
        canvas: &mut Canvas,
        seat: (f32, f32),
        pedals: (f32, f32),
        turns: f32,
        tone: f32,
    ) {
        let foot = (
            pedals.0 + 3.4 * swing(turns),
            pedals.1 + 3.4 * swing(turns - 0.25),
        );
        let hip = (seat.0 + 0.5, seat.1 - 1.0);
        let knee = ((hip.0 + foot.0) / 2.0 + 4.2, (hip.1 + foot.1) / 2.0 - 1.8);
        canvas.paint(Shape::Limb(hip, knee, 2.0), tone);
        canvas.paint(Shape::Limb(knee, foot, 1.5), tone);
        canvas.paint(Shape::Limb(foot, (foot.0 + 2.6, foot.1 + 0.4), 1.1), 26.0);
    }
}
