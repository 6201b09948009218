//! How messages look: their templates, the language where a person's is not known, a colour, and a logo.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use super::compiled::Templates;

/// How messages look and read. [`Default`]: the built-in templates in English, without a logo.
#[derive(Clone, Debug)]
pub struct MessageStyle {
    /// The templates.
    pub templates: Templates,
    /// The language of messages to people whose language is not known or not among the templates (RFC 5646).
    pub locale: String,
    /// The colour of buttons.
    pub accent_color: Color,
    /// The logo, shown at the top of an e-mail in place of the application's name.
    pub logo: Option<Arc<Logo>>,
}

/// A colour, as `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color {
    red: u8,
    green: u8,
    blue: u8,
}

/// A small image that goes along inside of e-mails, so that nothing is loaded from elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    /// Its media type.
    pub content_type: &'static str,
    /// The image.
    pub bytes: Vec<u8>,
}

/// Why a value of the style can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StyleError(String);

impl Default for MessageStyle {
    fn default() -> Self {
        Self {
            templates: Templates::default(),
            locale: "en".into(),
            accent_color: Color { red: 0x2f, green: 0x5d, blue: 0x50 },
            logo: None,
        }
    }
}

impl Color {
    /// Black or white, whichever is easier to read on this colour (WCAG 2.2, relative luminance).
    pub(super) fn readable(self) -> &'static str {
        // Where the contrast with white, 1.05 / (l + 0.05), is that with black, (l + 0.05) / 0.05.
        if self.luminance() > 0.179 { "#000000" } else { "#ffffff" }
    }

    /// This colour for lines that must be seen: on the card of an e-mail in light mode, and on the one in dark mode. It is
    /// made darker or lighter until its contrast is that which WCAG 2.2 asks of what is no text (1.4.11).
    pub(super) fn edges(self) -> [Self; 2] {
        [self.seen_on(LIGHT_CARD, BLACK), self.seen_on(DARK_CARD, LIGHT_CARD)]
    }

    /// The first colour on the way to `towards` that has enough contrast with `ground`.
    fn seen_on(self, ground: Self, towards: Self) -> Self {
        let steps = (0..=MIX_STEPS).map(|step| self.mixed(towards, step));
        steps.into_iter().find(|color| color.contrast(ground) >= CONTRAST_MIN).unwrap_or(towards)
    }

    /// `step` of [`MIX_STEPS`] parts of `other`, and the rest of this colour.
    fn mixed(self, other: Self, step: u16) -> Self {
        let mix = |own: u8, other: u8| {
            let sum = u16::from(own) * (MIX_STEPS - step) + u16::from(other) * step;
            u8::try_from(sum / MIX_STEPS).unwrap_or(u8::MAX)
        };
        Self { red: mix(self.red, other.red), green: mix(self.green, other.green), blue: mix(self.blue, other.blue) }
    }

    /// The contrast ratio of two colours, from 1 to 21 (WCAG 2.2).
    fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance() + 0.05, other.luminance() + 0.05);
        if one > two { one / two } else { two / one }
    }

    /// Relative luminance, from 0 to 1 (WCAG 2.2).
    fn luminance(self) -> f64 {
        let linear = |channel: u8| LINEAR[usize::from(channel)];
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }
}

/// The linear value of each value of a channel, from 0 to 1 (WCAG 2.2). Each message has shades that are found by it.
static LINEAR: LazyLock<[f64; 256]> = LazyLock::new(|| {
    std::array::from_fn(|channel| {
        let share = channel as f64 / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    })
});
/// The ground of e-mails' text in light mode and in dark mode, as in `layout.html`.
const LIGHT_CARD: Color = Color { red: 0xff, green: 0xff, blue: 0xff };
const DARK_CARD: Color = Color { red: 0x1f, green: 0x24, blue: 0x25 };
const BLACK: Color = Color { red: 0, green: 0, blue: 0 };
const CONTRAST_MIN: f64 = 3.0;
/// Mixing tries so many colours; with [`u8`] channels a sum of parts fits into [`u16`].
const MIX_STEPS: u16 = 32;

impl FromStr for Color {
    type Err = StyleError;

    fn from_str(text: &str) -> Result<Self, StyleError> {
        let digits =
            text.strip_prefix('#').filter(|rest| rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_hexdigit()));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let [_, red, green, blue] =
            number.ok_or_else(|| StyleError(format!("{text:?} is no colour such as \"#2f5d50\"")))?.to_be_bytes();
        Ok(Self { red, green, blue })
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

impl Logo {
    /// The `Content-ID` of the part with the logo, without angle brackets.
    pub const CONTENT_ID: &str = "logo";

    /// A logo from the bytes of a PNG, JPEG or GIF. Mail programs don't show SVG.
    ///
    /// # Errors
    /// For other formats, and above 24 KiB: an e-mail must stay below 60 KB.
    pub fn new(bytes: Vec<u8>) -> Result<Self, StyleError> {
        let formats: [(&[u8], &str); 3] =
            [(b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif")];
        let Some((_, content_type)) = formats.into_iter().find(|(magic, _)| bytes.starts_with(magic)) else {
            return Err(StyleError("is no PNG, JPEG or GIF; mail programs show no other images".into()));
        };
        if bytes.len() > LOGO_MAX {
            let kib = bytes.len().div_ceil(1024);
            return Err(StyleError(format!("has {kib} KiB; at most 24 go along in each message, so make it smaller")));
        }
        Ok(Self { content_type, bytes })
    }
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logo({}, {} bytes)", self.content_type, self.bytes.len())
    }
}

const LOGO_MAX: usize = 24 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_is_six_digits_and_text_on_it_can_be_read() {
        for (text, on) in
            [("#2f5d50", "#ffffff"), ("#FFFFFF", "#000000"), ("#ffcc00", "#000000"), ("#000000", "#ffffff")]
        {
            let color: Color = text.parse().expect("a colour");
            assert_eq!((color.to_string(), color.readable()), (text.to_lowercase(), on));
        }
        for text in ["", "red", "#fff", "#+12345", "#12345g", "2f5d50", "#2f5d50;"] {
            assert!(text.parse::<Color>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_edge_of_a_button_is_seen_on_either_card() {
        let layout = include_str!("built_in/layout.html");
        assert!(layout.contains(&format!(".card {{ background-color: {DARK_CARD} ")), "the dark card is another one");
        for text in ["#000000", "#1d2423", "#1f2425", "#2f5d50", "#7cc0ab", "#ff0000", "#ffff00", "#ffffff"] {
            let color: Color = text.parse().expect("a colour");
            let [light, dark] = color.edges();
            assert!(light.contrast(LIGHT_CARD) >= CONTRAST_MIN, "{text}: {light}");
            assert!(dark.contrast(DARK_CARD) >= CONTRAST_MIN, "{text}: {dark}");
            for (edge, card) in [(light, LIGHT_CARD), (dark, DARK_CARD)] {
                assert_eq!(
                    edge == color,
                    color.contrast(card) >= CONTRAST_MIN,
                    "{text} is changed only where it must be"
                );
            }
        }
    }

    #[test]
    fn a_logo_is_a_small_image_of_a_known_format() {
        let png = |bytes: usize| [b"\x89PNG\r\n\x1a\n".as_slice(), &vec![0; bytes - 8]].concat();
        assert_eq!(Logo::new(png(LOGO_MAX)).expect("a logo").content_type, "image/png");
        let large = Logo::new(png(LOGO_MAX + 1)).expect_err("too large").to_string();
        assert!(large.starts_with("has 25 KiB"), "{large}");
        assert!(Logo::new(b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec()).is_err());
    }
}
