//! Printable pages: self-contained HTML with neither scripts nor network, from templates that are compiled in. Whatever comes from the log is
//! escaped by the template.

pub mod certificate;
mod document;
mod pdf;
mod pdf_text;
pub mod qr;
mod shown;

use askama::Template;
use fengsui_event::Language;

use crate::exit::Failure;
use crate::output::is_unprintable;

pub use document::{Block, Document, Fact, Heading, Section, Table, TableColumn, Tone};

/// What stands around every page's content; a page's template extends `base.html` and has one of these in the field `frame`.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The page's language.
    pub language: Language,
    /// What it is.
    pub title: String,
    /// Of whom, as of when.
    pub subtitle: String,
    /// Who made it, and what it is not.
    pub footer: String,
}

impl Frame {
    /// The language as BCP 47 has it.
    fn language_tag(&self) -> &'static str {
        self.language.pick("zh-CN", "en")
    }
}

/// A page's HTML. What would command whatever shows it is shown as a replacement character.
pub fn render(page: &impl Template) -> Result<String, Failure> {
    page.render().map(|html| html.replace(|it| it != '\n' && is_unprintable(it), "\u{fffd}")).map_err(|error| {
        Failure::failed("page", format!("网页无法生成：{error}"), format!("the page cannot be made: {error}"))
    })
}

#[derive(Template)]
#[template(path = "document.html")]
struct DocumentPage<'a> {
    frame: &'a Frame,
    document: &'a Document,
}

impl Document {
    /// The document as a page of its own.
    pub fn to_html(&self, frame: &Frame) -> Result<String, Failure> {
        render(&DocumentPage { frame, document: self })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_comes_from_elsewhere_is_text_and_nothing_else() {
        const HOSTILE: &str = "<script>alert('1')</script>\"&\u{202e}\u{1b}[31m\u{2067}";
        let frame = Frame {
            language: Language::Zh,
            title: HOSTILE.to_owned(),
            subtitle: HOSTILE.to_owned(),
            footer: HOSTILE.to_owned(),
        };
        let mut document = Document::default();
        document.part(HOSTILE).text(HOSTILE).verbatim(HOSTILE).verdict(Tone::Bad, HOSTILE).fact(HOSTILE, HOSTILE);
        let column = TableColumn { title: HOSTILE.to_owned(), number: false };
        document.item(HOSTILE).table(Table { columns: vec![column], rows: vec![vec![HOSTILE.to_owned()]] });
        let page = document.to_html(&frame).unwrap();
        assert!(!page.contains("<script") && !page.contains("'1'"), "{page}");
        assert_eq!(page.matches("&#60;script&#62;alert(&#39;1&#39;)&#60;/script&#62;&#34;&#38;").count(), 13, "{page}");
        assert!(
            !page.contains(['\u{202e}', '\u{1b}', '\u{2067}']) && page.contains("&#38;\u{fffd}\u{fffd}[31m\u{fffd}"),
            "{page}"
        );
        assert!(page.starts_with("<!doctype html>\n<html lang=\"zh-CN\">"), "{page}");
    }
}
