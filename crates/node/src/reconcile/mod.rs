//! An agency's own book against the log: reading both sides, recording what was found, and doing what settles it.

mod book;
mod record;
mod settle;

pub use book::{Book, BookError, BookOptions, book_map, keep_map, read_book, read_cases, read_details};
pub use record::{Recorded, Remembered, record};
pub use settle::{Line, Settled, already_done, settle};
