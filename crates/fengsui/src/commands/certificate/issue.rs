//! Issuing: drawn up, checked as others will check it, written, entered on the log.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use fengsui_event::payload::CertificateIssued;
use fengsui_event::{CertificateId, Signer as _};
use fengsui_node::NodeError;
use fengsui_node::certificates::{self, Order};
use fengsui_node::checkpoints::Ground;
use fengsui_node::desk::{Command, IdSource as _, RandomIds};
use fengsui_node::keys::SigningKey;
use fengsui_proof::certificate::{Certificate, Compact, Verified};
use serde_json::json;

use super::super::report::tell_normalised;
use crate::arguments::certificate::IssueArguments;
use crate::exit::{Exit, Failure};
use crate::interrupt;
use crate::output::{Bar, Facts};
use crate::pages::certificate::Shown;
use crate::pages::qr::QrSquares;
use crate::session::Session;

/// Issues a certificate.
pub fn run(session: &Session, arguments: IssueArguments) -> Result<Exit, Failure> {
    let IssueArguments { unit, days, purpose, consent, out, html, pdf } = arguments;
    tell_normalised(session, &unit);
    let mut node = session.node()?;
    let issuer = session.actor(node.folder())?;
    let key = SigningKey::load(&node.folder().key(issuer))?;
    let id = CertificateId::from_bytes(RandomIds.next(session.now).to_bytes());
    let on = session.today();
    let order = Order { id, unit: unit.unit, issuer, keyid: key.keyid(), on, days, purpose, consent };
    interrupt::watch();
    let mut bar = Bar::new(session.output.look(), "计算默克尔树", "Drawing the tree");
    let statement = certificates::draw(&Ground::of(&node), order, &mut bar)?;
    drop(bar);
    let certificate = Certificate::sign(statement, &key).map_err(certificates::CertificateError::from)?;
    let trust = certificates::trust_of(node.folder().exchange());
    let verified = certificates::verify_own(&certificate, &trust, on)?;
    let compact = Compact::sign(&certificate, &key);

    let mut files = NewFiles::default();
    files.write(&out, certificate.to_string().as_bytes())?;
    let shown = Shown { certificate: &certificate, verified: &verified, compact: &compact };
    let qr = QrSquares::of(&compact.to_string())?;
    if let Some(path) = &html {
        files.write(path, shown.to_html(&qr, session.language())?.as_bytes())?;
    }
    if let Some(path) = &pdf {
        files.write(path, &shown.to_pdf(&qr, session.language()))?;
    }
    let entered = node.submit(issuer, command(&certificate), &mut RandomIds, session.now);
    let waits = match entered {
        Ok(_) => None,
        Err(error @ NodeError::AcceptedNotPublished(_)) => Some(error),
        Err(error) => return Err(error.into()),
    };
    files.keep();
    node.close()?;
    show(session, &certificate, &verified, &compact, &out)?;
    waits.map_or(Ok(Exit::Done), |error| Err(error.into()))
}

fn command(certificate: &Certificate) -> Command {
    let statement = certificate.statement();
    Command::IssueCertificate(CertificateIssued {
        certificate: statement.id,
        unit: statement.unit.clone(),
        position: statement.position,
        sha256: certificate.sha256(),
        issued_on: statement.date,
        valid_until: statement.valid_until,
        purpose: statement.purpose.clone(),
        consent: statement.consent.clone(),
    })
}

fn show(
    session: &Session,
    certificate: &Certificate,
    verified: &Verified,
    compact: &Compact,
    out: &Path,
) -> Result<(), Failure> {
    let (statement, output) = (certificate.statement(), &session.output);
    if output.json() {
        return output.document(&json!({
            "certificate": statement.id, "unit": statement.unit, "name": statement.name, "position": statement.position,
            "balance": statement.balance, "grade": statement.grade, "date": statement.date,
            "valid_until": statement.valid_until, "issuer": statement.issuer, "sha256": certificate.sha256(),
            "cosigned": verified.cosigned.len(), "needed": verified.needed, "file": out, "qr": compact.to_string(),
        }));
    }
    let mut facts = Facts::new();
    facts
        .add(output.say("已签发证明", "issued"), statement.id)
        .add(output.say("单位", "unit"), format!("{} {}", statement.unit, statement.name))
        .add(output.say("积分", "balance"), statement.balance)
        .add(output.say("等级", "grade"), &statement.grade)
        .add(output.say("日志位置", "position"), statement.position)
        .add(output.say("有效期至", "valid until"), statement.valid_until)
        .add(output.say("会签", "cosigned"), verified.cosigned.len())
        .add("SHA-256", certificate.sha256())
        .add(output.say("文件", "file"), out.display());
    facts.show(output)
}

/// Files that are removed again unless all goes well. A file that is there already is never replaced: it may be a certificate too.
#[derive(Default)]
struct NewFiles(Vec<PathBuf>);

impl NewFiles {
    fn write(&mut self, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
        let made = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| refused(path, error))?;
        self.0.push(path.to_owned());
        write_durably(made, bytes).map_err(Failure::file(path))
    }

    fn keep(mut self) {
        self.0.clear();
    }
}

impl Drop for NewFiles {
    fn drop(&mut self) {
        for path in &self.0 {
            // What cannot be removed is at worst a certificate that the log does not know, which `certificate verify --against` tells.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn refused(path: &Path, error: io::Error) -> Failure {
    if error.kind() != io::ErrorKind::AlreadyExists {
        return Failure::file(path)(error);
    }
    let path = path.display();
    let zh = format!("{path} 已经存在，未予替换，也未签发：请换一个名称");
    Failure::failed(
        "exists",
        zh,
        format!("{path} is there already and is not replaced; nothing was issued: name another file"),
    )
}

fn write_durably(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}
