//! `schemas/` is written from the code, so that what is published is what is read and written.

mod asyncapi;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use crate::failure::Failure;
use crate::{step, workspace};

/// Write or only compare.
#[derive(Args)]
pub struct Options {
    /// Change nothing; fail when a file is stale, missing or too many
    #[arg(long)]
    pub check: bool,
}

/// Writes `schemas/`, or compares it with the code.
pub fn run(options: &Options) -> Result<(), Failure> {
    let folder = workspace::root().join("schemas");
    let wanted = documents()?;
    let found = generated_files(&folder)?;
    let differences = differences(&folder, &wanted, &found)?;
    if options.check {
        return if differences.is_empty() {
            eprintln!("    schemas/: {} files are what the code says", wanted.len());
            Ok(())
        } else {
            Err(Failure::StaleSchemas { listing: differences })
        };
    }
    for line in &differences {
        eprintln!("{line}");
    }
    write_all(&folder, &wanted, &found)?;
    step::announce(&format!("schemas/: {} files, {} changed", wanted.len(), differences.len()));
    Ok(())
}

/// Every generated file: path below `schemas/`, text.
fn documents() -> Result<BTreeMap<PathBuf, String>, Failure> {
    let events = fengsui_event::schema::event_schemas();
    let rulebook = fengsui_rulebook::json_schema().to_value();
    let import_map = fengsui_sheets::ColumnMap::json_schema().to_value();
    let mut documents = BTreeMap::new();
    let mut add = |path: String, document: &Value| {
        let text = pretty(document).map_err(|cause| Failure::Json { name: path.clone(), cause })?;
        documents.insert(PathBuf::from(path), text);
        Ok(())
    };
    add("asyncapi.json".to_owned(), &asyncapi::document())?;
    add("rulebook.schema.json".to_owned(), &rulebook)?;
    add("import-map.schema.json".to_owned(), &import_map)?;
    for (name, schema) in &events {
        add(format!("events/{name}"), schema)?;
    }
    Ok(documents)
}

fn pretty(document: &Value) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(document).map(|text| text + "\n")
}

/// The JSON files that are there now; other files, such as the README, belong to people.
fn generated_files(folder: &Path) -> Result<BTreeSet<PathBuf>, Failure> {
    let mut found = BTreeSet::new();
    for part in ["", "events"] {
        let place = folder.join(part);
        if !place.exists() {
            continue;
        }
        for entry in fs::read_dir(&place).map_err(Failure::file(&place))? {
            let path = entry.map_err(Failure::file(&place))?.path();
            if path.extension().is_some_and(|extension| extension == "json")
                && let Ok(relative) = path.strip_prefix(folder)
            {
                found.insert(relative.to_owned());
            }
        }
    }
    Ok(found)
}

fn differences(
    folder: &Path,
    wanted: &BTreeMap<PathBuf, String>,
    found: &BTreeSet<PathBuf>,
) -> Result<Vec<String>, Failure> {
    let mut listing = Vec::new();
    for (path, text) in wanted {
        if !found.contains(path) {
            listing.push(format!("    missing  schemas/{}", path.display()));
        } else if fs::read(folder.join(path)).map_err(Failure::file(folder.join(path)))? != text.as_bytes() {
            listing.push(format!("    stale    schemas/{}", path.display()));
        }
    }
    let extra = found.iter().filter(|path| !wanted.contains_key(*path));
    listing.extend(extra.map(|path| format!("    extra    schemas/{}", path.display())));
    Ok(listing)
}

fn write_all(folder: &Path, wanted: &BTreeMap<PathBuf, String>, found: &BTreeSet<PathBuf>) -> Result<(), Failure> {
    let events = folder.join("events");
    fs::create_dir_all(&events).map_err(Failure::file(&events))?;
    for path in found.iter().filter(|path| !wanted.contains_key(*path)) {
        fs::remove_file(folder.join(path)).map_err(Failure::file(folder.join(path)))?;
    }
    for (path, text) in wanted {
        fs::write(folder.join(path), text).map_err(Failure::file(folder.join(path)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(files: &[(&str, &str)], wanted: &[(&str, &str)], expected: &[&str]) {
        let folder = std::env::temp_dir().join(format!("xtask-schemas-{}-{}", std::process::id(), expected.len()));
        fs::create_dir_all(folder.join("events")).unwrap();
        for (path, text) in files {
            fs::write(folder.join(path), text).unwrap();
        }
        let wanted: BTreeMap<_, _> =
            wanted.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect();
        let found = generated_files(&folder).unwrap();
        assert_eq!(differences(&folder, &wanted, &found).unwrap(), expected);
        write_all(&folder, &wanted, &found).unwrap();
        assert_eq!(generated_files(&folder).unwrap(), wanted.keys().cloned().collect());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn each_kind_of_difference_is_named_and_mended() {
        check(&[("README.md", "x"), ("events/a.json", "{}\n")], &[("events/a.json", "{}\n")], &[]);
        check(
            &[("events/a.json", "{}"), ("events/old.json", "{}\n")],
            &[("events/a.json", "{}\n"), ("b.json", "1\n")],
            &[
                "    missing  schemas/b.json",
                "    stale    schemas/events/a.json",
                "    extra    schemas/events/old.json",
            ],
        );
    }

    #[test]
    fn documents_are_the_same_each_time() {
        assert_eq!(documents().unwrap(), documents().unwrap());
    }
}
