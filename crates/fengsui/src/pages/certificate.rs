//! A certificate as a page and as PDF: what it says, what it proves and what not, and its QR code.

use askama::Template;
use fengsui_event::{Language, Points};
use fengsui_proof::certificate::{Certificate, Compact, Verified};

use super::qr::QrSquares;
use super::{Block, Document, Frame, Heading, Table, TableColumn, render};
use crate::exit::Failure;
use crate::text;

/// A certificate that is shown.
pub struct Shown<'a> {
    /// The certificate.
    pub certificate: &'a Certificate,
    /// What its check has shown.
    pub verified: &'a Verified,
    /// The text of its QR code.
    pub compact: &'a Compact,
}

#[derive(Template)]
#[template(path = "certificate.html")]
struct CertificatePage<'a> {
    frame: &'a Frame,
    document: &'a Document,
    /// Made of numbers and one fixed label.
    qr: &'a str,
    qr_text: &'a str,
}

impl Shown<'_> {
    /// The page.
    pub fn to_html(&self, qr: &QrSquares, language: Language) -> Result<String, Failure> {
        let label = language.pick("信用证明二维码", "QR code of the certificate");
        let (qr, qr_text) = (&qr.to_svg(label), &self.compact.to_string());
        render(&CertificatePage { frame: &self.frame(language), document: &self.document(language), qr, qr_text })
    }

    /// The PDF file.
    pub fn to_pdf(&self, qr: &QrSquares, language: Language) -> Vec<u8> {
        self.document(language).to_pdf(&self.frame(language), qr)
    }

    fn frame(&self, language: Language) -> Frame {
        let statement = self.certificate.statement();
        let zh = format!(
            "以随附的 JSON 文件为准。核验：fengsui certificate verify 文件 --exchange exchange.toml。文件的 SHA-256：{}",
            self.certificate.sha256()
        );
        let en = format!(
            "The JSON file decides. To check it: fengsui certificate verify FILE --exchange exchange.toml. SHA-256 of the file: {}",
            self.certificate.sha256()
        );
        Frame {
            language,
            title: language.pick("信用证明", "Certificate of credit").to_owned(),
            subtitle: format!("{} {}", statement.unit, statement.name),
            footer: language.pick(zh, en),
        }
    }

    fn document(&self, language: Language) -> Document {
        let say = |zh: &'static str, en: &'static str| language.pick(zh, en);
        let statement = self.certificate.statement();
        let Points(balance) = statement.balance;
        let mut document = Document::default();
        document
            .opening()
            .fact(say("单位", "unit"), &statement.name)
            .fact(say("单位标识", "identifier"), &statement.unit)
            .fact(say("信用积分", "balance"), balance)
            .fact(say("信用等级", "grade"), &statement.grade)
            .fact(say("截至日期", "as of"), statement.date)
            .fact(say("有效期至", "valid until"), statement.valid_until)
            .fact(say("签发部门", "issuer"), self.verified.agency(statement.issuer))
            .fact(say("证明编号", "certificate"), statement.id)
            .fact_some(say("用途", "purpose"), statement.purpose.as_ref())
            .fact_some(say("授权", "consent"), statement.consent.as_ref());
        let notice = &statement.notice;
        document
            .part(say("证明范围", "What it proves and what not"))
            .text(language.pick(&notice.proves_zh, &notice.proves_en))
            .text(language.pick(&notice.does_not_prove_zh, &notice.does_not_prove_en));
        document.part(say("账目", "Entries")).table(self.entries(language));
        self.grounds(&mut document, language);
        document
    }

    fn entries(&self, language: Language) -> Table {
        let column = |zh: &str, en: &str, number| TableColumn { title: language.pick(zh, en).to_owned(), number };
        let columns = vec![
            column("序号", "number", true),
            column("分值", "points", true),
            column("类型", "kind", false),
            column("规则", "rule", false),
            column("生效日期", "effective", false),
            column("期满日期", "counts until", false),
            column("事件位置", "event at", true),
        ];
        let entries = &self.certificate.statement().entries;
        let rows = entries.iter().map(|entry| {
            let Points(points) = entry.points;
            vec![
                entry.number.to_string(),
                format!("{points:+}"),
                text::term(&entry.kind, language),
                entry.rule.clone(),
                entry.effective_on.to_string(),
                entry.counted_until.map_or_else(String::new, |until| until.to_string()),
                entry.cause_position.to_string(),
            ]
        });
        Table { columns, rows: rows.collect() }
    }

    /// What whoever checks by hand compares.
    fn grounds(&self, document: &mut Document, language: Language) {
        let say = |zh: &'static str, en: &'static str| language.pick(zh, en);
        let statement = self.certificate.statement();
        let checkpoint = self.verified.checkpoint.checkpoint();
        let witnesses: Vec<String> = self.verified.cosigned.iter().map(|it| self.verified.witness(&it.name)).collect();
        document
            .part(say("依据", "What it rests on"))
            .fact(say("日志", "log"), checkpoint.origin)
            .fact(say("日志位置", "position"), statement.position)
            .fact(say("检查点的根", "root"), checkpoint.root)
            .fact(say("会签部门", "cosigned by"), witnesses.join(language.pick("、", ", ")))
            .fact_some(say("会签日期", "cosigned on"), self.verified.witnessed_on())
            .fact(say("规则", "rulebook"), &statement.rulebook.version)
            .fact(say("规则 SHA-256", "rulebook's SHA-256"), statement.rulebook.sha256)
            .fact(say("签名密钥", "signing key"), statement.keyid);
    }
}
