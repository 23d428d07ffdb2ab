//! A feature map as a small picture of text.
//!
//! On a terminal two rows of windows share one row of text: the upper half block takes the upper window's grey as
//! foreground and the lower one's as background. Without colour each window is two ASCII characters wide, so that
//! the picture keeps its proportions. Pure: what the terminal can do is passed in.

use std::fmt::Write as _;

use cipherframe::FeatureMap;

use crate::picture::grey;

/// How a picture is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Half blocks in 24-bit greys.
    TrueColour,
    /// Half blocks in the 24 greys (and black and white) of the 256-colour palette.
    Greys,
    /// Ten shades of ASCII characters, no escape sequences.
    Ascii,
}

/// From dark to light.
const SHADES: &[u8; 10] = b" .:-=+*#%@";

const RESET: &str = "\x1b[0m";

impl Style {
    /// The richest style for an output.
    ///
    /// `is_terminal` is whether it is a terminal; `variable` looks an environment variable up. `NO_COLOR` (when not
    /// empty) and `TERM=dumb` ask for ASCII, `COLORTERM=truecolor` or `24bit` allows 24-bit colours.
    #[must_use]
    pub fn choose(is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let no_colour = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = variable("TERM").is_some_and(|term| term == "dumb");
        if !is_terminal || no_colour || dumb {
            return Self::Ascii;
        }
        match variable("COLORTERM").as_deref() {
            Some("truecolor" | "24bit") => Self::TrueColour,
            _ => Self::Greys,
        }
    }

    /// How many columns one window takes.
    fn columns(self) -> usize {
        if self == Self::Ascii { 2 } else { 1 }
    }
}

/// Draws `map` in lines that each end with a newline, at most `max_columns` columns wide (at least one window).
///
/// A map that is too wide is made smaller by the maximum over square blocks, so that a single bright window is
/// never lost.
#[must_use]
pub fn draw(map: &FeatureMap, style: Style, max_columns: usize) -> String {
    let picture = Greys::of(map, (max_columns / style.columns()).max(1));
    let mut text = String::new();
    if style == Style::Ascii {
        for row in picture.rows() {
            let line: String = row.iter().flat_map(|&level| [shade(level); 2]).collect();
            text.push_str(line.trim_end());
            text.push('\n');
        }
        return text;
    }
    let rows: Vec<&[u8]> = picture.rows().collect();
    for pair in rows.chunks(2) {
        let mut previous = None;
        for (x, &upper) in pair[0].iter().enumerate() {
            // The last line of an odd number of rows has nothing below.
            let cell = (upper, pair.get(1).map(|lower| lower[x]));
            if previous != Some(cell) {
                escape(&mut text, style, 38, upper);
                if let Some(lower) = cell.1 {
                    escape(&mut text, style, 48, lower);
                }
                previous = Some(cell);
            }
            text.push('▀');
        }
        text.push_str(RESET);
        text.push('\n');
    }
    text
}

/// The map as grey values, small enough for the terminal.
struct Greys {
    width: usize,
    values: Vec<u8>,
}

impl Greys {
    fn of(map: &FeatureMap, max_width: usize) -> Self {
        let (width, height) = (map.width() as usize, map.height() as usize);
        let block = width.div_ceil(max_width).max(1);
        let (small_width, small_height) = (width.div_ceil(block), height.div_ceil(block));
        let mut values = vec![0; small_width * small_height];
        for (index, &value) in map.values().iter().enumerate() {
            let (x, y) = (index % width, index / width);
            let cell: &mut u8 = &mut values[y / block * small_width + x / block];
            *cell = grey(value, map.level_count()).max(*cell);
        }
        Self {
            width: small_width,
            values,
        }
    }

    fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.values.chunks(self.width.max(1))
    }
}

fn shade(level: u8) -> char {
    let last = SHADES.len() - 1;
    char::from(SHADES[(usize::from(level) * last + 127) / 255])
}

/// Selects a grey as foreground (`ground` 38) or background (48).
fn escape(text: &mut String, style: Style, ground: u8, level: u8) {
    // Writing to a string cannot fail.
    let _ = if style == Style::TrueColour {
        write!(text, "\x1b[{ground};2;{level};{level};{level}m")
    } else {
        write!(text, "\x1b[{ground};5;{}m", palette(level))
    };
}

/// The nearest entry of the 256-colour palette: 16 is black, 231 white, and 232 + n the grey 8 + 10 n.
fn palette(level: u8) -> u8 {
    match level {
        0..4 => 16,
        4..247 => 232 + ((level.max(8) - 8 + 5) / 10).min(23),
        247.. => 231,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(values: &[u8], width: u32) -> FeatureMap {
        let height = values.len() as u32 / width;
        FeatureMap::new(width, height, 15, values.to_vec()).expect("a valid map")
    }

    fn style(is_terminal: bool, variables: &[(&str, &str)]) -> Style {
        Style::choose(is_terminal, |wanted| {
            variables
                .iter()
                .find(|(name, _)| *name == wanted)
                .map(|(_, v)| (*v).to_owned())
        })
    }

    #[test]
    fn the_style_follows_the_output_and_its_variables() {
        let colour = ("COLORTERM", "truecolor");
        assert_eq!(style(true, &[colour]), Style::TrueColour);
        assert_eq!(
            style(true, &[("COLORTERM", "24bit"), ("NO_COLOR", "")]),
            Style::TrueColour
        );
        assert_eq!(style(true, &[("TERM", "xterm-256color")]), Style::Greys);
        assert_eq!(style(true, &[colour, ("NO_COLOR", "1")]), Style::Ascii);
        assert_eq!(style(true, &[colour, ("TERM", "dumb")]), Style::Ascii);
        assert_eq!(style(false, &[colour]), Style::Ascii);
    }

    #[test]
    fn ascii_doubles_each_window_and_uses_no_escapes() {
        let drawn = draw(&map(&[0, 15, 7, 15, 0, 0], 3), Style::Ascii, 80);
        assert_eq!(drawn, "  @@==\n@@\n");
    }

    #[test]
    fn two_rows_share_a_line_of_half_blocks() {
        let drawn = draw(&map(&[0, 0, 15, 15], 2), Style::TrueColour, 80);
        assert_eq!(drawn, "\x1b[38;2;0;0;0m\x1b[48;2;255;255;255m▀▀\x1b[0m\n");
    }

    #[test]
    fn the_last_of_an_odd_number_of_rows_has_no_background() {
        let drawn = draw(&map(&[0, 15, 3], 1), Style::Greys, 80);
        assert_eq!(
            drawn,
            "\x1b[38;5;16m\x1b[48;5;231m▀\x1b[0m\n\x1b[38;5;236m▀\x1b[0m\n"
        );
    }

    #[test]
    fn a_wide_map_shrinks_and_keeps_its_brightest_window() {
        let mut values = [0; 40];
        values[13] = 15;
        let drawn = draw(&map(&values, 10), Style::Ascii, 10);
        assert_eq!(drawn, "  @@\n\n");
        assert_eq!(draw(&map(&values, 10), Style::Ascii, 0), "@@\n");
    }

    #[test]
    fn the_palette_is_nowhere_far_from_the_grey() {
        for level in 0..=u8::MAX {
            let shown = match palette(level) {
                16 => 0,
                231 => 255,
                entry => 8 + 10 * i32::from(entry - 232),
            };
            assert!(
                (shown - i32::from(level)).abs() <= 8,
                "{level} shown as {shown}"
            );
        }
    }
}
