//! One member of an archive in any form, in a manifest and under sums that fit it: somebody who can compute sums wrote it.
#![no_main]

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::LazyLock;

use fengsui_event::Digest;
use fengsui_fuzz::golden::golden;
use fengsui_proof::archive::{Archive, ArchiveRange, ArchiveWriter, ContentRef, Manifest, Packing};

struct Base {
    folder: PathBuf,
    manifest: Manifest,
    contents: Vec<Vec<u8>>,
}

static BASE: LazyLock<Base> = LazyLock::new(|| {
    let place = std::env::temp_dir().join(format!("fengsui-fuzz-archive-{}", std::process::id()));
    fs::create_dir_all(&place).expect("a folder");
    let (_log, exchange, records) = golden(&place);
    let range = ArchiveRange {
        region: exchange.region,
        authority: exchange.authority,
        authority_keys: exchange.authority_keys,
        first: 1,
        last: records.len() as u64,
        keys: Vec::new(),
        rulebooks: Default::default(),
    };
    let folder = place.join("archive");
    let mut writer = ArchiveWriter::begin(&folder, Packing::Folder, true, range).expect("an archive begun");
    for (record, position) in records.iter().zip(1..) {
        let subject = record.subject.as_str();
        let content = ContentRef { id: record.id, subject, bytes: &record.bytes, signature: &record.signature };
        writer.take(position, Some(content)).expect("a record taken");
    }
    let manifest = writer.finish(&mut |_, _| ControlFlow::Continue(())).expect("an archive finished");
    let contents = manifest.files.iter().map(|file| fs::read(folder.join(&file.name)).expect("a member")).collect();
    Base { folder, manifest, contents }
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((which, content)) = bytes.split_first() else { return };
    let Base { folder, manifest, contents } = &*BASE;
    let which = usize::from(*which) % manifest.files.len();
    let mut altered = manifest.clone();
    let file = &mut altered.files[which];
    (file.bytes, file.sha256) = (content.len() as u64, Digest::of(content));
    let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes).expect("a member written");
    write(&file.name, content);
    write("manifest.json", &altered.text());
    write("SHA256SUMS", &altered.sums());
    if let Ok(archive) = Archive::open(folder) {
        let passed = archive.check(&mut |_, _| ControlFlow::Continue(())).is_ok();
        // Another exchange file would be another exchange's archive; everything else follows from the events, whose root is stated.
        assert!(!passed || content == contents[which] || manifest.files[which].name == "exchange.toml");
    }
    write(&manifest.files[which].name, &contents[which]);
});
