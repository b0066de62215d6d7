//! Agencies of the exchange.

use fengsui_event::payload::{AgencyKey, AgencyRegistered};
use fengsui_event::{AgencyCode, KeyAlgorithm, KeyId, RegionCode};
use fengsui_node::desk::{Command, RandomIds};
use fengsui_projector::Registry;
use fengsui_sheets::{ColumnKind, Value};
use serde::Serialize;
use serde_json::json;

use super::act;
use crate::arguments::read::AgencyCommand;
use crate::exit::{Exit, Failure};
use crate::output::{Column, Facts, Listing};
use crate::session::Session;

/// An agency as a line of the list.
#[derive(Serialize)]
struct AgencyRow {
    agency: AgencyCode,
    name: String,
    region: RegionCode,
    authority: bool,
    desk: bool,
    registered_at: u64,
    suspended_at: Option<u64>,
    keys: Vec<KeyId>,
}

/// Agencies.
pub fn run(session: &Session, command: AgencyCommand) -> Result<Exit, Failure> {
    match command {
        AgencyCommand::List => list(session),
        AgencyCommand::Register { code, key, region, name } => register(session, code, &key, region, name),
    }
}

fn list(session: &Session) -> Result<Exit, Failure> {
    let tables = session.tables()?;
    let registry = tables.registry();
    let row = |(code, agency): (&AgencyCode, &fengsui_projector::state::Agency)| AgencyRow {
        agency: *code,
        name: agency.name.clone(),
        region: agency.region,
        authority: *code == registry.authority,
        desk: tables.folder().key(*code).exists(),
        registered_at: agency.registered_at,
        suspended_at: agency.suspended_at,
        keys: keys_of(registry, *code),
    };
    let mut listing = Listing::begin(&session.output, "agencies", Some(&tables.moment), AGENCIES)?;
    registry.agencies.iter().map(row).try_for_each(|row| listing.row(&row))?;
    listing.end(Ok(()))?;
    Ok(Exit::Done)
}

fn keys_of(registry: &Registry, agency: AgencyCode) -> Vec<KeyId> {
    let good = registry.keys.iter().filter(|(_, key)| key.agency == agency && key.until.is_none());
    good.map(|(keyid, _)| *keyid).collect()
}

const AGENCIES: &[Column<AgencyRow>] = &[
    Column::new("部门", "agency", ColumnKind::Text, |row, _| Value::Text(row.agency.to_string())),
    Column::new("名称", "name", ColumnKind::Text, |row, _| Value::Text(row.name.clone())),
    Column::new("地区", "region", ColumnKind::Text, |row, _| Value::Text(row.region.to_string())),
    Column::new("角色", "role", ColumnKind::Text, |row, language| {
        if row.authority {
            Value::Text(language.pick("联席会议办公室", "authority").to_owned())
        } else {
            Value::Empty
        }
    }),
    Column::new("本文件夹可办理", "desk_here", ColumnKind::Text, |row, language| {
        if row.desk { Value::Text(language.pick("是", "yes").to_owned()) } else { Value::Empty }
    }),
    Column::new("登记位置", "registered_at", ColumnKind::Integer, |row, _| position(Some(row.registered_at))),
    Column::new("停用位置", "suspended_at", ColumnKind::Integer, |row, _| position(row.suspended_at)),
    Column::new("密钥", "keys", ColumnKind::Text, |row, _| {
        Value::Text(row.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    }),
];

fn position(position: Option<u64>) -> Value {
    position.and_then(|position| i64::try_from(position).ok()).map_or(Value::Empty, Value::Integer)
}

/// The event that registers an agency by its public keys.
pub fn registration(agency: AgencyCode, name: String, region: RegionCode, keys: &[KeyId]) -> AgencyRegistered {
    let key = |keyid: &KeyId| AgencyKey { keyid: *keyid, algorithm: KeyAlgorithm::Ed25519 };
    AgencyRegistered { agency, name, region, keys: keys.iter().map(key).collect() }
}

fn register(
    session: &Session,
    code: AgencyCode,
    keys: &[KeyId],
    region: Option<RegionCode>,
    name: Option<String>,
) -> Result<Exit, Failure> {
    let mut node = session.node()?;
    let authority = node.registry().authority;
    // Only one agency may do this, so nobody needs to name it.
    let actor = session.global.agency.unwrap_or(authority);
    if !node.folder().key(actor).exists() {
        let have = crate::session::agencies_with_keys(node.folder());
        return Err(Failure::NoKey { agency: actor, have });
    }
    let book = node.registry().rulebook(session.today()).ok();
    let known = book.and_then(|book| book.agency(&code)).map(|agency| agency.name_zh.clone());
    let name = name.or(known).ok_or_else(|| {
        Failure::usage(
            format!("规则中没有部门 {code}，请用 --name 写明名称"),
            format!("the rulebook has no agency {code}: give its name with --name"),
        )
    })?;
    let region = region.unwrap_or(node.folder().exchange().region);
    let registered = registration(code, name.clone(), region, keys);
    let receipt = node.submit(actor, Command::RegisterAgency(registered), &mut RandomIds, session.now)?;
    let output = &session.output;
    if output.json() {
        output.document(
            &json!({"agency": code, "name": name, "region": region, "keys": keys, "events": act::done(&receipt)}),
        )?;
        return Ok(Exit::Done);
    }
    let mut facts = Facts::new();
    facts
        .add(output.say("已登记部门", "registered"), code)
        .add(output.say("名称", "name"), name)
        .add(output.say("地区", "region"), region)
        .show(output)?;
    Ok(Exit::Done)
}
