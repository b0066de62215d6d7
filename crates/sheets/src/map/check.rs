//! Is a map sound before any file is read?

use super::{ColumnMap, Field, Purpose, Source};
use crate::row::value;

/// What is wrong with the map, or nothing.
pub(super) fn check(map: &ColumnMap, purpose: Purpose) -> Result<(), String> {
    if map.name.trim().is_empty() {
        return Err("`name` is empty; give the map a short name".to_owned());
    }
    value::check_scheme(&map.unit.scheme).map_err(|problem| format!("unit.scheme: {problem}"))?;
    if map.key.iter().any(|part| part.headers.is_empty()) {
        return Err("key: a part has no headers".to_owned());
    }
    for field in Field::ALL {
        let sources = map.field.of(*field);
        if purpose.needs(*field) && sources.is_empty() {
            return Err(format!(
                "no [[field.{0}]]: every row needs {0}; name its column or give a constant",
                field.code()
            ));
        }
        for source in sources {
            check_source(map, *field, source, purpose)
                .map_err(|problem| format!("field.{}: {problem}", field.code()))?;
        }
    }
    Ok(())
}

fn check_source(map: &ColumnMap, field: Field, source: &Source, purpose: Purpose) -> Result<(), String> {
    let given = [!source.headers.is_empty(), !source.join.is_empty(), source.constant.is_some()];
    if given.iter().filter(|given| **given).count() != 1 {
        return Err("a source needs exactly one of `headers`, `join` and `constant`".to_owned());
    }
    if !source.join.is_empty() && !matches!(field, Field::Facts | Field::Address | Field::ClosingText | Field::UnitName)
    {
        return Err("`join` is for texts: facts, address, closing_text, unit_name".to_owned());
    }
    if source.ignore_unknown && purpose.needs(field) {
        return Err("`ignore_unknown` is not for a field that every row needs".to_owned());
    }
    let words = [&source.constant, &source.fallback];
    for word in words.into_iter().flatten().chain(source.values.values()) {
        value::check_word(field, &map.unit.scheme, source, word)?;
    }
    Ok(())
}
