//! Making a node's folder, or adding a desk to one that holds the authority's key.
//!
//! Every step is made only if it was not made before, so a run that was cut off is simply run again.

use std::path::Path;

use fengsui_event::payload::RulebookPublished;
use fengsui_event::{AgencyCode, Date, Digest, Language, Signer as _};
use fengsui_node::desk::{Command, RandomIds};
use fengsui_node::folder::{Exchange, Folder, FolderError, NodeConfig};
use fengsui_node::keys::SigningKey;
use fengsui_node::{Node, NodeError};
use fengsui_rulebook::Rulebook;
use serde_json::json;

use super::act;
use super::agency::registration;
use crate::arguments::work::InitArguments;
use crate::exit::{Exit, Failure};
use crate::output::Facts;
use crate::session::Session;

/// What `init` found or made.
struct Made {
    agency: AgencyCode,
    public_key: String,
    registered: bool,
    anything_new: bool,
}

/// Makes a folder or adds a desk.
pub fn run(session: &Session, arguments: &InitArguments) -> Result<Exit, Failure> {
    session.refuse_as_of()?;
    let agency = session.global.agency.ok_or_else(|| {
        Failure::usage(
            "请用 --agency 写明部门，例如 --agency fire",
            "name the agency with --agency, such as --agency fire",
        )
    })?;
    let root = &session.global.data;
    let made = if Folder::is_initialised(root) {
        in_existing(session, arguments, agency)?
    } else if arguments.authority {
        found_exchange(session, arguments, agency)?
    } else if let Some(file) = &arguments.exchange {
        join_exchange(session, arguments, agency, file)?
    } else {
        return Err(Failure::usage(
            "新文件夹须写明 --authority（联席会议办公室，新建交换）或 --exchange FILE（联席会议办公室发放的交换文件）",
            "a new folder needs --authority (begin an exchange as its authority) or --exchange FILE (as the authority handed it out)",
        ));
    };
    show(session, arguments, &made)?;
    Ok(Exit::Done)
}

/// The key comes first: the exchange file names it, and a folder whose exchange file names a lost key is of no use.
fn key_for(root: &Path, agency: AgencyCode) -> Result<SigningKey, Failure> {
    let keys = root.join("keys");
    let path = keys.join(format!("{agency}.seed"));
    if path.exists() {
        return Ok(SigningKey::load(&path)?);
    }
    make_private_folder(&keys)?;
    let key = SigningKey::generate()?;
    key.save(&path)?;
    Ok(key)
}

fn make_private_folder(path: &Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(Failure::file(path))
}

/// The first events of an exchange, decided before anything is made.
struct Founding {
    text: String,
    book: Rulebook,
    name: String,
}

impl Founding {
    fn of(session: &Session, arguments: &InitArguments, authority: AgencyCode) -> Result<Self, Failure> {
        let text = default_rulebook(authority)?;
        let book = Rulebook::from_toml(&text)?;
        let name = name_of(arguments, &book, authority)?;
        if *book.authority() != authority {
            let office = book.authority();
            session.output.warn(
                format!("默认规则中没有部门 {authority}，其中由 {office} 承担的事项将由 {authority} 决定"),
                format!(
                    "the default rulebook has no agency {authority}; what it leaves to {office} comes to {authority}"
                ),
            );
        }
        Ok(Self { text, book, name })
    }
}

fn found_exchange(session: &Session, arguments: &InitArguments, agency: AgencyCode) -> Result<Made, Failure> {
    let founding = Founding::of(session, arguments, agency)?;
    let root = &session.global.data;
    let key = key_for(root, agency)?;
    let public_key = key.public();
    let exchange = Exchange {
        region: arguments.region,
        authority: agency,
        authority_keys: vec![key.keyid()],
        servers: Vec::new(),
    };
    let config = NodeConfig::new(arguments.region, agency, arguments.node);
    let mut node = Node::create(root, config, exchange)?;
    found(session, founding, &mut node, &key)?;
    Ok(Made { agency, public_key, registered: true, anything_new: true })
}

/// Whether the authority is registered and has published rules.
fn is_founded(node: &Node) -> bool {
    let authority = node.folder().exchange().authority;
    node.registry().agencies.contains_key(&authority) && !node.registry().rulebooks.is_empty()
}

fn found(session: &Session, founding: Founding, node: &mut Node, key: &SigningKey) -> Result<(), Failure> {
    let Exchange { region, authority, .. } = *node.folder().exchange();
    let registered = node.registry().agencies.contains_key(&authority);
    let ruled = !node.registry().rulebooks.is_empty();
    let Founding { text, book, name } = founding;
    let registration = registration(authority, name, region, &[key.keyid()]);
    let rulebook = published(&book, text, session.today());
    let now = session.now;
    node.batch(|batch| {
        let mut ids = RandomIds;
        if !registered {
            batch.submit(authority, Command::RegisterAgency(registration), &mut ids, now)?;
        }
        if !ruled {
            batch.submit(authority, Command::PublishRulebook(rulebook), &mut ids, now)?;
        }
        Ok::<(), NodeError>(())
    })?;
    Ok(())
}

fn published(book: &Rulebook, text: String, effective_from: Date) -> RulebookPublished {
    let sha256 = Digest::of(text.as_bytes());
    RulebookPublished { version: book.version().to_owned(), effective_from, sha256, text }
}

/// The default rulebook, with this exchange's authority in it when it is one of its agencies.
fn default_rulebook(authority: AgencyCode) -> Result<String, Failure> {
    let text = Rulebook::default_toml();
    let book = Rulebook::from_toml(text)?;
    let (version, office) = (book.version(), book.authority());
    let adapted = text
        .replacen(&format!("authority = \"{office}\""), &format!("authority = \"{authority}\""), 1)
        .replacen(&format!("version = \"{version}\""), &format!("version = \"{version}-{authority}\""), 1);
    let is_sound =
        *office != authority && Rulebook::from_toml(&adapted).is_ok_and(|book| *book.authority() == authority);
    Ok(if is_sound { adapted } else { text.to_owned() })
}

fn name_of(arguments: &InitArguments, book: &Rulebook, agency: AgencyCode) -> Result<String, Failure> {
    let known = book.agency(&agency).map(|agency| agency.name(Language::Zh).to_owned());
    arguments.name.clone().or(known).ok_or_else(|| {
        Failure::usage(
            format!("规则中没有部门 {agency}，请用 --name 写明名称"),
            format!("the rulebook has no agency {agency}: give its name with --name"),
        )
    })
}

fn join_exchange(
    session: &Session,
    arguments: &InitArguments,
    agency: AgencyCode,
    file: &Path,
) -> Result<Made, Failure> {
    let exchange = Exchange::load(file)?;
    let root = &session.global.data;
    let key = key_for(root, agency)?;
    let config = NodeConfig::new(arguments.region, agency, arguments.node);
    let registered = exchange.authority == agency && exchange.authority_keys.contains(&key.keyid());
    Node::create(root, config, exchange)?.close()?;
    Ok(Made { agency, public_key: key.public(), registered, anything_new: true })
}

fn in_existing(session: &Session, arguments: &InitArguments, agency: AgencyCode) -> Result<Made, Failure> {
    let mut node = session.node()?;
    let exchange = node.folder().exchange().clone();
    if !exchange.region.contains(arguments.region) {
        let (path, node) = (session.global.data.join("exchange.toml"), arguments.region);
        return Err(FolderError::OutsideExchange { path, node, exchange: exchange.region }.into());
    }
    if arguments.authority && agency != exchange.authority {
        let (data, authority) = (session.global.data.display(), exchange.authority);
        return Err(Failure::failed(
            "already_initialised",
            format!("{data} 中的交换由 {authority} 主管；请用 --data 指明另一文件夹"),
            format!("the exchange in {data} has the authority {authority}: name another folder with --data"),
        ));
    }
    let holds_authority = node.folder().key(exchange.authority).exists();
    let mut anything_new = false;
    if holds_authority && !is_founded(&node) {
        let key = SigningKey::load(&node.folder().key(exchange.authority))?;
        let founding = Founding::of(session, arguments, exchange.authority)?;
        found(session, founding, &mut node, &key)?;
        anything_new = true;
    }
    let path = node.folder().key(agency);
    if !path.exists() {
        refuse_foreign(session, &node, agency, holds_authority)?;
        node.add_key(agency, SigningKey::generate()?)?;
        anything_new = true;
    }
    let key = SigningKey::load(&path)?;
    let known = node.registry().keys.get(&key.keyid()).is_some_and(|known| known.agency == agency);
    let mut registered = known && node.registry().agencies.contains_key(&agency);
    if !registered && holds_authority {
        register(session, arguments, &mut node, agency, &key)?;
        (registered, anything_new) = (true, true);
    }
    node.close()?;
    Ok(Made { agency, public_key: key.public(), registered, anything_new })
}

/// A new key would be of no use: nobody here may register it, or the agency signs with another one already.
fn refuse_foreign(session: &Session, node: &Node, agency: AgencyCode, holds_authority: bool) -> Result<(), Failure> {
    if !holds_authority {
        return Err(FolderError::AlreadyInitialised { root: session.global.data.clone() }.into());
    }
    if node.registry().agencies.contains_key(&agency) {
        let path = node.folder().key(agency);
        return Err(Failure::failed(
            "already_registered",
            format!("部门 {agency} 已用另一密钥登记；要在此办理，请将其密钥文件放到 {}", path.display()),
            format!(
                "{agency} is registered with another key already; to act for it here, put its seed file at {}",
                path.display()
            ),
        ));
    }
    Ok(())
}

fn register(
    session: &Session,
    arguments: &InitArguments,
    node: &mut Node,
    agency: AgencyCode,
    key: &SigningKey,
) -> Result<(), Failure> {
    let authority = node.folder().exchange().authority;
    let name = match node.registry().rulebook(session.today()) {
        Ok(book) => name_of(arguments, book, agency)?,
        Err(_) => arguments.name.clone().unwrap_or_else(|| agency.to_string()),
    };
    let command = Command::RegisterAgency(registration(agency, name, arguments.region, &[key.keyid()]));
    node.submit(authority, command, &mut RandomIds, session.now)?;
    Ok(())
}

fn show(session: &Session, arguments: &InitArguments, made: &Made) -> Result<(), Failure> {
    let Made { agency, public_key, registered, anything_new } = made;
    let output = &session.output;
    let region = arguments.region;
    let register = format!("fengsui agency register {agency} --region {region} --key {public_key}");
    if output.json() {
        return output.document(&json!({
            "data": session.global.data.display().to_string(), "agency": agency, "region": region,
            "public_key": public_key, "registered": registered, "created": anything_new,
            "register_command": (!registered).then_some(&register),
        }));
    }
    let mut facts = Facts::new();
    facts
        .add(output.say("文件夹", "folder"), session.global.data.display())
        .add(output.say("部门", "agency"), agency)
        .add(output.say("公钥", "public key"), public_key)
        .add(
            output.say("登记", "registered"),
            if *registered { output.say("已登记", "yes") } else { output.say("尚未登记", "not yet") },
        )
        .show(output)?;
    if !anything_new {
        output.note("已经存在，未作更改", "it is there already; nothing was changed");
    }
    if !registered {
        output.note(format!("请联席会议办公室执行：\n  {register}"), format!("the authority must run:\n  {register}"));
        return Ok(());
    }
    let program = act::invocation(session);
    let steps = if arguments.authority {
        format!("\n  {program} init --region {region} --agency fire\n  {program} agency list")
    } else {
        format!(
            "\n  {program} --agency {agency} violation report --help\n  {program} --agency {agency} referral list --inbox"
        )
    };
    output.note(format!("下一步：{steps}"), format!("next:{steps}"));
    Ok(())
}
