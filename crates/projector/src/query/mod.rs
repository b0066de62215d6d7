//! Reading the tables.
