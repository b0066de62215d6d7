//! A ZIP file in which any byte was changed is refused.

use std::ops::ControlFlow;
use std::path::Path;

use super::*;

/// Whether everything that is in a file passes as an archive.
fn passes(path: &Path) -> bool {
    let archive = Archive::open(path);
    archive.and_then(|archive| archive.check(&mut |_, _| ControlFlow::Continue(()))).is_ok()
}

#[test]
fn one_bit_of_any_byte_is_found() {
    let made = Made::small(Packing::Stored);
    let good = fs::read(&made.path).unwrap();
    assert!(passes(&made.path));
    let workers = 4;
    let flipped = std::thread::scope(|scope| {
        let work = |worker: usize| {
            let (made, good) = (&made, &good);
            scope.spawn(move || {
                let path = made.path.with_file_name(format!("flipped-{worker}"));
                let mut bytes = good.clone();
                let mut count = 0;
                for at in (worker..bytes.len()).step_by(workers) {
                    let bit = 1 << (at % 8);
                    bytes[at] ^= bit;
                    fs::write(&path, &bytes).unwrap();
                    assert!(!passes(&path), "bit {bit} of byte {at} of {} was not missed", bytes.len());
                    bytes[at] ^= bit;
                    count += 1;
                }
                count
            })
        };
        let workers: Vec<_> = (0..workers).map(work).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum::<usize>()
    });
    assert_eq!(flipped, good.len());
}

#[test]
fn a_file_that_was_cut_or_grew_is_refused() {
    let made = Made::small(Packing::Stored);
    let good = fs::read(&made.path).unwrap();
    for length in (0..good.len()).step_by(97).chain([good.len() - 1]) {
        fs::write(&made.path, &good[..length]).unwrap();
        assert!(!passes(&made.path), "{length} of {} bytes", good.len());
    }
    for grown in [[&good[..], b"\0"].concat(), [b"#!", &good[..]].concat(), [&good[..], &good].concat()] {
        fs::write(&made.path, &grown).unwrap();
        assert!(!passes(&made.path), "{} bytes", grown.len());
    }
    fs::write(&made.path, &good).unwrap();
    assert!(passes(&made.path));
}
