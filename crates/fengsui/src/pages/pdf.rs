//! A document as PDF (ISO 32000) on A4. No font is embedded: STSong-Light is one of the fonts for simplified Chinese that every viewer
//! brings or replaces by its own (Adobe-GB1, text in UTF-16), which keeps a page at a few kilobytes.

use pdf_writer::types::{CidFontType, FontFlags, SystemInfo};
use pdf_writer::{Content, Finish as _, Name, Pdf, Rect, Ref, Str, TextStr};

use super::pdf_text::{HALF_WIDTHS, PROPORTIONAL_FIRST_CID, wrapped};
use super::qr::{QUIET_ZONE, QrSquares};
use super::{Block, Document, Fact, Frame, Heading, Table};
use crate::output::one_line;

/// A4, in points (1/72 inch).
const PAGE_WIDTH: f32 = 595.0;
const PAGE_HEIGHT: f32 = 842.0;
const MARGIN: f32 = 48.0;
/// Side of the QR code with its quiet zone: 5 cm, so that a telephone reads it at arm's length.
const QR_SIDE: f32 = 142.0;
const GAP: f32 = 12.0;
const LABEL_WIDTH: f32 = 92.0;

const TITLE_SIZE: f32 = 18.0;
const PART_SIZE: f32 = 12.0;
const TEXT_SIZE: f32 = 9.5;
const TABLE_SIZE: f32 = 8.0;
/// Distance of lines as a multiple of the size.
const LEADING: f32 = 1.45;

const FONT: Name<'static> = Name(b"F1");
const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const INFO: Ref = Ref::new(3);
const TYPE0_FONT: Ref = Ref::new(4);
const CID_FONT: Ref = Ref::new(5);
const DESCRIPTOR: Ref = Ref::new(6);
/// References of pages and their contents follow.
const FIRST_PAGE: i32 = 7;

impl Document {
    /// The document as a PDF file, with a QR code at the top of the first page.
    pub fn to_pdf(&self, frame: &Frame, qr: &QrSquares) -> Vec<u8> {
        let mut sheet = Sheet::new();
        sheet.heading(frame, qr);
        for section in &self.sections {
            sheet.section_heading(&section.heading);
            section.blocks.iter().for_each(|block| sheet.block(block));
        }
        sheet.y -= GAP;
        sheet.paragraph(&frame.footer, TABLE_SIZE);
        write_file(frame, sheet.finish())
    }
}

/// Pages in the making.
struct Sheet {
    done: Vec<Content>,
    page: Content,
    /// Height of the last line's foot above the page's lower edge.
    y: f32,
    /// On the first page, the height down to which the QR code reaches at the right.
    qr_foot: f32,
}

impl Sheet {
    fn new() -> Self {
        Self { done: Vec::new(), page: Content::new(), y: PAGE_HEIGHT - MARGIN, qr_foot: PAGE_HEIGHT }
    }

    fn heading(&mut self, frame: &Frame, qr: &QrSquares) {
        let top = PAGE_HEIGHT - MARGIN;
        self.draw_qr(qr, PAGE_WIDTH - MARGIN - QR_SIDE, top - QR_SIDE);
        self.qr_foot = top - QR_SIDE - GAP;
        self.paragraph(&frame.title, TITLE_SIZE);
        self.paragraph(&frame.subtitle, TEXT_SIZE);
        self.y -= GAP / 2.0;
    }

    fn draw_qr(&mut self, qr: &QrSquares, left: f32, foot: f32) {
        let squares = qr.side + 2 * QUIET_ZONE;
        let square = QR_SIDE / coordinate(squares);
        for (row, column, length) in qr.runs() {
            let x = left + square * coordinate(column + QUIET_ZONE);
            let y = foot + square * coordinate(squares - 1 - row - QUIET_ZONE);
            self.page.rect(x, y, square * coordinate(length), square);
        }
        self.page.fill_nonzero();
    }

    fn section_heading(&mut self, heading: &Heading) {
        match heading {
            Heading::None => {}
            Heading::Part(text) => {
                self.y -= GAP;
                self.paragraph(text, PART_SIZE);
                let (y, right) = (self.y - 4.0, MARGIN + self.width());
                self.page.set_line_width(0.5).move_to(MARGIN, y).line_to(right, y).stroke();
                self.y -= GAP / 2.0;
            }
            Heading::Item(text) => {
                self.y -= GAP / 2.0;
                self.paragraph(text, TEXT_SIZE + 1.0);
            }
        }
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Text(text) | Block::Verbatim(text) | Block::Verdict { text, .. } => self.paragraph(text, TEXT_SIZE),
            Block::Facts(facts) => facts.iter().for_each(|fact| self.fact(fact)),
            Block::Table(table) => self.table(table),
        }
    }

    /// Width of a line at the present height.
    fn width(&self) -> f32 {
        let full = PAGE_WIDTH - 2.0 * MARGIN;
        if self.y > self.qr_foot { full - QR_SIDE - GAP } else { full }
    }

    fn paragraph(&mut self, text: &str, size: f32) {
        for line in text.split('\n') {
            for line in wrapped(&one_line(line), self.width(), size) {
                self.advance(size);
                self.show(&line, MARGIN, size);
            }
        }
    }

    fn fact(&mut self, Fact { label, value }: &Fact) {
        let lines = wrapped(&one_line(value), self.width() - LABEL_WIDTH, TEXT_SIZE);
        for (index, line) in lines.iter().enumerate() {
            self.advance(TEXT_SIZE);
            if index == 0 {
                self.show(label, MARGIN, TEXT_SIZE);
            }
            self.show(line, MARGIN + LABEL_WIDTH, TEXT_SIZE);
        }
    }

    /// Columns share the width by what their longest cell needs; what does not fit is broken.
    fn table(&mut self, table: &Table) {
        // A table never stands beside the code.
        self.y = self.y.min(self.qr_foot);
        let titles: Vec<String> = table.columns.iter().map(|column| column.title.clone()).collect();
        let rows = || std::iter::once(&titles).chain(&table.rows);
        let needs: Vec<f32> = (0..titles.len())
            .map(|index| {
                let cells = rows().filter_map(|row| row.get(index));
                cells.map(|cell| super::pdf_text::width(cell, TABLE_SIZE)).fold(0.0, f32::max) + GAP / 2.0
            })
            .collect();
        let share = (self.width() / needs.iter().sum::<f32>()).min(1.0);
        for row in rows() {
            let cells = row.iter().zip(&needs).map(|(cell, need)| {
                let room = need * share - GAP / 2.0;
                wrapped(&one_line(cell), room, TABLE_SIZE)
            });
            let cells: Vec<Vec<String>> = cells.collect();
            for number in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
                self.advance(TABLE_SIZE);
                let mut x = MARGIN;
                for (lines, need) in cells.iter().zip(&needs) {
                    if let Some(line) = lines.get(number) {
                        self.show(line, x, TABLE_SIZE);
                    }
                    x += need * share;
                }
            }
        }
    }

    /// Goes down by a line, to the next page where there is no room.
    fn advance(&mut self, size: f32) {
        self.y -= size * LEADING;
        if self.y < MARGIN {
            self.done.push(std::mem::replace(&mut self.page, Content::new()));
            self.y = PAGE_HEIGHT - MARGIN - size * LEADING;
            self.qr_foot = PAGE_HEIGHT;
        }
    }

    fn show(&mut self, text: &str, x: f32, size: f32) {
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        self.page.begin_text().set_font(FONT, size).set_text_matrix([1.0, 0.0, 0.0, 1.0, x, self.y]);
        self.page.show(Str(&bytes)).end_text();
    }

    fn finish(mut self) -> Vec<Content> {
        self.done.push(self.page);
        self.done
    }
}

/// Numbers of squares are small.
fn coordinate(squares: usize) -> f32 {
    u16::try_from(squares).map_or(0.0, f32::from)
}

fn write_file(frame: &Frame, pages: Vec<Content>) -> Vec<u8> {
    let mut pdf = Pdf::new();
    let mut catalog = pdf.catalog(CATALOG);
    catalog.pages(PAGES).lang(TextStr(frame.language_tag()));
    catalog.viewer_preferences().display_doc_title(true);
    catalog.finish();
    pdf.document_info(INFO).title(TextStr(&frame.title)).producer(TextStr("fengsui"));
    let page_ref = |index: usize| i32::try_from(index).map_or(Ref::new(1), |index| Ref::new(FIRST_PAGE + 2 * index));
    let kids: Vec<Ref> = (0..pages.len()).map(page_ref).collect();
    pdf.pages(PAGES).count(i32::try_from(kids.len()).unwrap_or(i32::MAX)).kids(kids.iter().copied());
    for (kid, content) in kids.into_iter().zip(pages) {
        let contents = kid.next();
        let mut page = pdf.page(kid);
        page.parent(PAGES).media_box(Rect::new(0.0, 0.0, PAGE_WIDTH, PAGE_HEIGHT)).contents(contents);
        page.resources().fonts().pair(FONT, TYPE0_FONT);
        page.finish();
        pdf.stream(contents, &content.finish());
    }
    write_font(&mut pdf);
    pdf.finish()
}

fn write_font(pdf: &mut Pdf) {
    let name = Name(b"STSong-Light");
    let mut font = pdf.type0_font(TYPE0_FONT);
    font.base_font(Name(b"STSong-Light-UniGB-UTF16-H")).encoding_predefined(Name(b"UniGB-UTF16-H"));
    font.descendant_font(CID_FONT);
    font.finish();
    let mut cid = pdf.cid_font(CID_FONT);
    cid.subtype(CidFontType::Type0).base_font(name).font_descriptor(DESCRIPTOR).default_width(1000.0);
    cid.system_info(SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"GB1"), supplement: 4 });
    cid.widths().consecutive(PROPORTIONAL_FIRST_CID, HALF_WIDTHS.iter().map(|width| f32::from(*width)));
    cid.finish();
    let mut descriptor = pdf.font_descriptor(DESCRIPTOR);
    descriptor.name(name).flags(FontFlags::SERIF | FontFlags::SYMBOLIC).bbox(Rect::new(-25.0, -254.0, 1000.0, 880.0));
    descriptor.italic_angle(0.0).ascent(752.0).descent(-271.0).cap_height(737.0).stem_v(58.0);
    descriptor.finish();
}
