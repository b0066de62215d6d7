//! Checks of the identifiers against the standards' own examples and codes in use.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod amount;
mod properties;
mod region;
mod texts;
mod trade;
mod unit;
mod uscc;
