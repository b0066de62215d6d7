//! Names of tiles, and which tiles a tree has.

use fengsui_proof::TilePath;
use proptest::prelude::*;

fn names(size: u64) -> Vec<String> {
    TilePath::all_in_tree(size).map(|path| path.to_string()).collect()
}

#[test]
fn they_are_written_as_the_standard_says() {
    let written = |level, index, width| TilePath::new(level, index, width).unwrap().to_string();
    assert_eq!(written(0, 1_234_067, 256), "tile/0/x001/x234/067", "the example of the standard");
    assert_eq!(written(0, 0, 256), "tile/0/000");
    assert_eq!(written(1, 999, 1), "tile/1/999.p/1");
    assert_eq!(written(2, 1_000, 255), "tile/2/x001/000.p/255");
    assert_eq!(written(0, 1_000_000, 5), "tile/0/x001/x000/000.p/5");
}

#[test]
fn a_tree_has_the_tiles_that_the_standard_counts() {
    assert_eq!(names(0), [""; 0]);
    assert_eq!(names(1), ["tile/0/000.p/1"]);
    assert_eq!(names(255), ["tile/0/000.p/255"]);
    // "a tree of size 256 will be represented by a full level 0 tile and a partial level 1 tile of width 1"
    assert_eq!(names(256), ["tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(names(257), ["tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"]);
    // "70,000: 273 full level 0 tiles, one partial level 0 tile of width 112, one full level 1 tile, one partial level 1 tile of
    // width 17, and one partial level 2 tile of width 1"
    let names = names(70_000);
    assert_eq!(names.len(), 273 + 1 + 1 + 1 + 1);
    assert_eq!(names[272], "tile/0/272");
    assert_eq!(names[273..], ["tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]);
}

#[test]
fn nothing_else_is_a_path() {
    let wrong = [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/+1/000",
        "tile/-1/000",
        "tile/8/000",
        "tile/64/000",
        "tile/256/000",
        "tile/entries/000",
        "tile/8/0/000",
        "tile/0/x000",
        "tile/0/001/000",
        "tile/0/x1/000",
        "tile/0/x000/001",
        "tile/0/xx01/000",
        "tile/0/+01",
        "tile/0/x001/x234/067.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/65537",
        "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1",
        "tile/0/..",
        "tile/0/../000",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/30/x018/x446/x744/x073/x709/x551/616.p/255",
        "tile/0/\u{663}00",
    ];
    for text in wrong {
        assert!(text.parse::<TilePath>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn they_read_back_as_they_were_written(level in 0..8_u8, index in any::<u64>(), shift in 0..64_u32, width in any::<u16>()) {
        if let Some(path) = TilePath::new(level, index >> shift, width) {
            let text = path.to_string();
            prop_assert_eq!(text.parse::<TilePath>().unwrap(), path);
            let (level, rest) = text["tile/".len()..].split_once('/').unwrap();
            prop_assert_eq!(level.parse::<u8>().unwrap(), path.level());
            let digits: String = rest.split('.').next().unwrap().replace(['x', '/'], "");
            prop_assert_eq!(digits.parse::<u64>().unwrap(), path.index());
        }
    }

    #[test]
    fn any_text_is_a_path_or_refused(text in r"(tile/[0-9a-z.]{0,3}/)?[x0-9./p+]{0,40}") {
        if let Ok(path) = text.parse::<TilePath>() {
            prop_assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn every_tile_of_a_tree_is_a_tile_of_larger_ones(size in 0..200_000_u64, more in 0..200_000_u64) {
        for path in TilePath::all_in_tree(size) {
            let larger = TilePath::in_tree(path.level(), path.index(), size + more).unwrap();
            prop_assert!(larger.width() >= path.width());
        }
    }
}
