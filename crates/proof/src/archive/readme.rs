//! `README.txt`: how a person checks an archive with the tools of every machine. Its text belongs to the version of the format.

use super::{ArchiveKey, Manifest};
use crate::checkpoint::SignedCheckpoint;
use crate::tiles::{TILE_WIDTH, TilePath};

const TEXT: &str = include_str!("readme.txt");
const CHECKPOINT: &str = include_str!("readme_checkpoint.txt");
const COSIGNED: &str = include_str!("readme_cosigned.txt");

const PARTIAL_ZH: &str = "
注意：本档案从位置 {first} 开始。更早的事件不在其中，只有它们在树中的叶子摘要；更早的密钥登记只在 keys.jsonl 中列出，没有凭据；
各来源在此之前的链、以及由事件算出的案件和积分，本档案不能证明。
";
const PARTIAL_EN: &str = "
Note: this archive begins at position {first}. Earlier events are not in it, only their leaf hashes; earlier registrations of keys are stated
in keys.jsonl, not shown; what each source's chain was before that, and the cases and points that follow from the events, it cannot show.
";

/// What the text names besides the manifest's numbers.
pub struct Examples<'a> {
    /// The position of an event whose bytes can be cut out with `sed`, or the first position if there is none.
    pub position: u64,
    /// The newest checkpoint.
    pub checkpoint: Option<&'a SignedCheckpoint>,
    /// The keys.
    pub keys: &'a [ArchiveKey],
}

/// The text. The manifest's list of files is not needed for it.
pub fn readme(manifest: &Manifest, examples: &Examples<'_>) -> String {
    let leaf = examples.position.saturating_sub(1);
    let width = u64::from(TILE_WIDTH);
    let tile = TilePath::in_tree(0, leaf / width, manifest.last).map(|tile| tile.to_string()).unwrap_or_default();
    let byte = leaf % width * 32 + 1;
    let partial = |text: &str| if manifest.first == 1 { String::new() } else { text.to_owned() };
    let text = TEXT
        .replace("{partial_zh}", &partial(PARTIAL_ZH))
        .replace("{partial_en}", &partial(PARTIAL_EN))
        .replace("{checkpoint}", &checkpoint_text(manifest, examples).unwrap_or_default())
        .replace("{region}", &manifest.region.to_string())
        .replace("{origin}", &manifest.origin)
        .replace("{root}", &manifest.root.to_string())
        .replace("{example}", &examples.position.to_string())
        .replace("{tile}", &tile)
        .replace("{tile_byte}", &byte.to_string());
    let numbers = [
        ("{first}", manifest.first),
        ("{last}", manifest.last),
        ("{events}", manifest.events),
        ("{missing}", manifest.missing),
    ];
    numbers.iter().fold(text, |text, (name, number)| text.replace(name, &number.to_string()))
}

fn checkpoint_text(manifest: &Manifest, examples: &Examples<'_>) -> Option<String> {
    let signed = examples.checkpoint?;
    let size = signed.checkpoint().size;
    let of = |agency| examples.keys.iter().filter(move |key| key.agency == agency);
    let log_key = of(manifest.authority).find(|key| signed.is_signed_by(key.keyid))?;
    let text = CHECKPOINT.replace("{size}", &size.to_string()).replace("{log_key}", log_key.keyid.as_str());
    let origin = signed.checkpoint().origin;
    let cosigned = signed.names().find_map(|name| {
        let agency = origin.agency_of(name).filter(|agency| *agency != manifest.authority)?;
        let key = of(agency).find(|key| signed.cosignature(name, key.keyid).is_some())?;
        Some(COSIGNED.replace("{cosigner}", name).replace("{cosigner_key}", key.keyid.as_str()))
    });
    Some(text + &cosigned.unwrap_or_default())
}

/// Whether an event's bytes can be cut out of their line with the commands of the text.
pub fn is_plain(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok() && bytes.first() == Some(&b'{') && !bytes.iter().any(u8::is_ascii_control)
}
