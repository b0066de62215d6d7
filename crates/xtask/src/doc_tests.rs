//! Which crates have examples in their documentation. Cargo would start the compiler for each crate to find out.

use std::fs;
use std::path::Path;

use crate::failure::Failure;
use crate::workspace;

/// Names of the packages whose documentation holds Rust code.
pub fn packages() -> Result<Vec<String>, Failure> {
    let crates = workspace::root().join("crates");
    let mut found = Vec::new();
    for entry in fs::read_dir(&crates).map_err(Failure::file(&crates))? {
        let folder = entry.map_err(Failure::file(&crates))?.path();
        if folder.join("src/lib.rs").is_file() && any_file(&folder.join("src"), &has_example)? {
            found.push(package_name(&folder)?);
        }
    }
    found.sort();
    Ok(found)
}

fn any_file(folder: &Path, test: &dyn Fn(&str) -> bool) -> Result<bool, Failure> {
    for entry in fs::read_dir(folder).map_err(Failure::file(folder))? {
        let path = entry.map_err(Failure::file(folder))?.path();
        let hit = if path.is_dir() {
            any_file(&path, test)?
        } else {
            path.extension().is_some_and(|extension| extension == "rs")
                && test(&fs::read_to_string(&path).map_err(Failure::file(&path))?)
        };
        if hit {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether documentation in this source opens a fence that is Rust: no language, or one of rustdoc's own words.
fn has_example(source: &str) -> bool {
    let mut is_open = false;
    for line in source.lines().map(str::trim_start) {
        let Some(text) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) else { continue };
        let Some(language) = text.trim().strip_prefix("```") else { continue };
        is_open = !is_open;
        let runs =
            language.split(',').all(|word| matches!(word, "" | "rust" | "should_panic" | "no_run" | "compile_fail"));
        if is_open && runs {
            return true;
        }
    }
    false
}

fn package_name(folder: &Path) -> Result<String, Failure> {
    let manifest = folder.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(Failure::file(&manifest))?;
    let named = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"').map(str::to_owned));
    Ok(named.unwrap_or_else(|| folder.file_name().unwrap_or_default().to_string_lossy().into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_without_a_language_is_an_example() {
        assert!(has_example("/// Adds.\n/// ```\n/// assert!(true);\n/// ```\nfn add() {}\n"));
        assert!(has_example("    //! ```rust,no_run\n"));
    }

    #[test]
    fn other_languages_and_closing_fences_are_not() {
        assert!(!has_example("/// ```text\n/// a\n/// ```\n/// ```toml\n/// ```\n"));
        assert!(!has_example("/// ```ignore\n/// a\n/// ```\n"));
        assert!(!has_example("let a = \"```\"; // ```\n"));
    }
}
