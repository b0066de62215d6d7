//! QR codes (ISO/IEC 18004) as dark and light squares, drawn as SVG or by whoever else has a pen.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};

use crate::exit::Failure;

/// Light squares that must surround a code, by the standard.
pub const QUIET_ZONE: usize = 4;

/// A QR code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QrSquares {
    /// Squares in a row.
    pub side: usize,
    /// Row by row, whether a square is dark.
    dark: Vec<bool>,
}

impl QrSquares {
    /// The code of a text, with error correction M: about 15% of the code may be spoilt.
    pub fn of(text: &str) -> Result<Self, Failure> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).map_err(|error| {
            Failure::failed("qr", format!("无法生成二维码：{error}"), format!("the QR code cannot be made: {error}"))
        })?;
        Ok(Self { side: code.width(), dark: code.to_colors().into_iter().map(|color| color == Color::Dark).collect() })
    }

    /// Horizontal runs of dark squares: row, first column, length.
    pub fn runs(&self) -> Vec<(usize, usize, usize)> {
        let mut runs = Vec::new();
        for (row, squares) in self.dark.chunks(self.side).enumerate() {
            let mut column = 0;
            while column < self.side {
                let length = squares[column..].iter().take_while(|dark| **dark).count();
                if length > 0 {
                    runs.push((row, column, length));
                }
                column += length.max(1);
            }
        }
        runs
    }

    /// The code as an SVG element: black on white also on a dark page, since not every scanner reads the reverse.
    pub fn to_svg(&self, label: &str) -> String {
        let side = self.side + 2 * QUIET_ZONE;
        let mut path = String::new();
        for (row, column, length) in self.runs() {
            // Writing to a text cannot fail.
            let _ = write!(path, "M{} {}h{length}v1h-{length}z", column + QUIET_ZONE, row + QUIET_ZONE);
        }
        format!(
            "<svg class=\"qr\" role=\"img\" aria-label=\"{label}\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
             <rect width=\"{side}\" height=\"{side}\" fill=\"#ffffff\"/><path d=\"{path}\" fill=\"#000000\"/></svg>"
        )
    }
}
