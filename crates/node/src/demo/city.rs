//! The city: its agencies with their keys, its units, and who finds what.

use std::path::Path;

use fengsui_event::payload::{AgencyKey, AgencyRegistered, Place, RulebookPublished, UnitRegistered};
use fengsui_event::{
    AgencyCode, CategoryCode, Date, Digest, KeyAlgorithm, Language, RegionCode, RegionLevel, Signer, Timestamp,
    TradeCode, UnitId, Uscc, organisation_check_character,
};
use fengsui_rulebook::Rulebook;
use rand::Rng;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{DemoError, DemoOptions};
use crate::desk::{Command, DerivedIds};
use crate::folder::{Exchange, NodeConfig};
use crate::keys::SigningKey;
use crate::node::{Node, NodeError};

/// The eight agencies of the pilot.
pub(super) const AGENCIES: [&str; 8] =
    ["fire", "housing", "tourism", "commerce", "education", "culture", "quality", "urban"];

/// Trade, its competent department, and what its units are called.
const TRADES: &[(&str, &str, &[&str])] = &[
    ("H61", "tourism", &["宾馆", "酒店", "旅社", "民宿"]),
    ("P83", "education", &["小学", "中学", "幼儿园", "职业学校"]),
    ("R90", "culture", &["歌舞厅", "网吧", "影剧院", "游艺厅"]),
    ("F52", "commerce", &["超市", "家具商场", "建材市场", "商贸行"]),
    ("H62", "commerce", &["酒楼", "餐厅", "大排档"]),
    ("C18", "quality", &["服装厂", "鞋业加工厂", "箱包厂"]),
    ("E47", "housing", &["建筑工地", "装修工程部"]),
    ("Q84", "urban", &["医院", "护理院"]),
];

const NAMES: [&str; 24] = [
    "瑞和", "永兴", "金龙", "东海", "鹭江", "九龙", "丹霞", "水仙", "南山", "新城", "华侨", "胜利", "延安", "芳华",
    "腾飞", "大同", "锦江", "丰泽", "嘉禾", "明珠", "长泰", "漳滨", "圆山", "云洞",
];

const ROADS: [&str; 10] =
    ["胜利东路", "新华西路", "延安北路", "水仙大街", "九龙大道", "丹霞路", "南昌路", "元光北路", "漳福路", "江滨路"];

/// A supervised unit of the city.
#[derive(Clone, Debug)]
pub(super) struct CityUnit {
    pub(super) unit: UnitId,
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) trade: TradeCode,
    pub(super) competent: AgencyCode,
}

/// A city that follows from its seed.
pub(super) struct City {
    pub(super) region: RegionCode,
    pub(super) authority: AgencyCode,
    pub(super) agencies: Vec<AgencyCode>,
    pub(super) units: Vec<CityUnit>,
    pub(super) book: Rulebook,
    seed: u64,
}

/// Reads one of the literals of this module; an error here is caught by the first test that makes a city.
fn literal<T: std::str::FromStr>(text: &str) -> Result<T, DemoError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error: T::Err| DemoError::Defect { what: text.to_owned(), reason: error.to_string() })
}

impl City {
    pub(super) fn new(options: DemoOptions) -> Result<Self, DemoError> {
        let book = Rulebook::from_toml(Rulebook::default_toml())
            .map_err(|error| DemoError::Defect { what: "default rulebook".to_owned(), reason: error.to_string() })?;
        let region: RegionCode = literal("350600")?;
        let agencies = AGENCIES.iter().map(|code| literal(code)).collect::<Result<Vec<AgencyCode>, _>>()?;
        let mut random = ChaCha8Rng::seed_from_u64(options.seed ^ 0x0063_6974_7900);
        let counties: Vec<RegionCode> = RegionCode::in_force()
            .filter(|code| region.contains(*code) && code.level() == RegionLevel::County)
            .collect();
        let units = (0..options.units).map(|number| unit(number, &counties, &mut random)).collect::<Result<_, _>>()?;
        Ok(Self { region, authority: *book.authority(), agencies, units, book, seed: options.seed })
    }

    fn key(&self, agency: AgencyCode) -> Result<SigningKey, DemoError> {
        let seed = Digest::of(format!("fengsui demonstration key {} {agency}", self.seed).as_bytes());
        Ok(SigningKey::from_seed_bytes(seed.0)?)
    }

    /// Makes the folder: the authority registers itself and the eight agencies, and publishes the default rulebook.
    pub(super) fn found(&self, root: &Path, now: Timestamp, effective_from: Date) -> Result<Node, DemoError> {
        let authority_key = self.key(self.authority)?;
        let exchange = Exchange {
            region: self.region,
            authority: self.authority,
            authority_keys: vec![authority_key.keyid()],
            servers: Vec::new(),
        };
        let config = NodeConfig::new(self.region, self.authority, 1);
        let mut node = Node::create(root, config, exchange)?;
        let mut registrations = vec![self.registration(self.authority, &authority_key)];
        node.add_key(self.authority, authority_key)?;
        for &agency in &self.agencies {
            let key = self.key(agency)?;
            registrations.push(self.registration(agency, &key));
            node.add_key(agency, key)?;
        }
        let text = Rulebook::default_toml().to_owned();
        let rulebook = RulebookPublished {
            version: self.book.version().to_owned(),
            effective_from,
            sha256: Digest::of(text.as_bytes()),
            text,
        };
        let mut ids = DerivedIds::new(&["demonstration", "founding", &self.seed.to_string()]);
        node.batch(|batch| {
            for registration in registrations {
                batch.submit(self.authority, Command::RegisterAgency(registration), &mut ids, now)?;
            }
            batch.submit(self.authority, Command::PublishRulebook(rulebook), &mut ids, now)?;
            Ok::<(), NodeError>(())
        })?;
        Ok(node)
    }

    fn registration(&self, agency: AgencyCode, key: &SigningKey) -> AgencyRegistered {
        AgencyRegistered {
            agency,
            name: self.book.agency_name(&agency, Language::Zh).to_owned(),
            region: self.region,
            keys: vec![AgencyKey { keyid: key.keyid(), algorithm: KeyAlgorithm::Ed25519 }],
        }
    }

    /// The command that enters a unit in the register, by its competent department.
    pub(super) fn register(&self, index: usize) -> (AgencyCode, Command) {
        let CityUnit { unit, name, place, trade, competent } = self.units[index].clone();
        (competent, Command::RegisterUnit(UnitRegistered { unit, name, place, trade: Some(trade), parent: None }))
    }

    /// Which agency finds what in a unit: the fire brigade finds fire matters and, in passing, what trade departments
    /// must deal with; a trade department finds its own and, more often than not, fire hazards.
    pub(super) fn finding(unit: &CityUnit, random: &mut ChaCha8Rng) -> Result<(AgencyCode, CategoryCode), DemoError> {
        const FIRE: &[&str] = &[
            "fire.60-1",
            "fire.60-1",
            "fire.60-2",
            "fire.60-3",
            "fire.60-3",
            "fire.60-4",
            "fire.60-5",
            "fire.60-6",
            "fire.60-7",
            "fire.61-1",
            "fire.66-electrical",
            "fire.67-16",
        ];
        const BY_FIRE: &[&str] = &["fire.58-1", "fire.59-2", "fire.65-sold", "licence.business", "product.substandard"];
        let by_fire = random.gen_bool(0.45);
        let is_fire_matter = random.gen_bool(if by_fire { 0.6 } else { 0.85 });
        let reporter = if by_fire { literal("fire")? } else { unit.competent };
        let own = match unit.competent.as_str() {
            "tourism" => "licence.lodging",
            "education" => "education.premises-danger",
            "culture" => "licence.entertainment",
            "quality" => "equipment.unregistered",
            "housing" => "construction.quality",
            "urban" => "urban.road-occupied",
            _ => "licence.business",
        };
        let category = match (is_fire_matter, by_fire) {
            (true, _) => *FIRE.choose(random).unwrap_or(&"fire.60-1"),
            (false, true) if random.gen_bool(0.5) => *BY_FIRE.choose(random).unwrap_or(&"fire.58-1"),
            (false, _) => own,
        };
        Ok((reporter, literal(category)?))
    }
}

fn unit(number: u32, counties: &[RegionCode], random: &mut ChaCha8Rng) -> Result<CityUnit, DemoError> {
    let (trade, competent, kinds) = TRADES[random.gen_range(0..TRADES.len())];
    let region = counties[random.gen_range(0..counties.len())];
    let name = format!(
        "{}{}{}{}",
        region.name_zh(),
        NAMES[random.gen_range(0..NAMES.len())],
        NAMES[random.gen_range(0..NAMES.len())],
        kinds[random.gen_range(0..kinds.len())]
    );
    let address = format!("{}{}号", ROADS[random.gen_range(0..ROADS.len())], random.gen_range(1..400));
    Ok(CityUnit {
        unit: UnitId::Uscc(uscc(number, region)?),
        name,
        place: Place { region, address },
        trade: literal(trade)?,
        competent: literal(competent)?,
    })
}

/// An enterprise's code with true check characters (GB 32100-2015, GB 11714), from a running number.
fn uscc(number: u32, region: RegionCode) -> Result<Uscc, DemoError> {
    let body = format!("MA{number:06X}");
    let fault = |reason: String| DemoError::Defect { what: body.clone(), reason };
    let check = organisation_check_character(&body).ok_or_else(|| fault("no check character".to_owned()))?;
    Uscc::from_parts(&format!("91{region}{body}{check}")).map_err(|error| fault(error.to_string()))
}
