//! How faults of archives are told.

use fengsui_proof::archive::ArchiveError;

use crate::exit::Failure;

/// Why an archive cannot be written, or is not believed.
pub fn failure(error: ArchiveError) -> Failure {
    let (code, en) = (error.code(), error.to_string());
    let is_of_integrity = error.is_of_integrity();
    let zh = match error {
        ArchiveError::Io { path, source } => return Failure::File { path, source },
        ArchiveError::Interrupted => return Failure::Interrupted,
        ArchiveError::Exists { path } => format!("{} 已经存在：请换一个名称，或用 --force 替换", path.display()),
        ArchiveError::Foreign { path } => {
            format!("{} 中有不属于档案的文件，未予替换：请换一个名称", path.display())
        }
        ArchiveError::NotAnArchive { path, .. } => {
            format!("{} 不是 `fengsui audit export` 写出的档案：{en}", path.display())
        }
        ArchiveError::Name { name } => {
            format!("档案中有不属于其格式的名称 {name:?}（或为链接、空文件夹），未予读取")
        }
        ArchiveError::Extra { name } => format!("档案中多出 {name}，清单中没有"),
        ArchiveError::Missing { name } => format!("档案中缺少 {name}"),
        ArchiveError::Differs { name, expected, found, .. } => {
            format!("{name} 与清单不符：清单的 SHA-256 为 {expected}，实为 {found}")
        }
        ArchiveError::Bomb { name, .. } => format!("{name} 超出大小上限，可能是压缩炸弹，未予读取：{en}"),
        ArchiveError::Version { .. } => format!("档案格式版本较新，请使用新版程序：{en}"),
        ArchiveError::Order { .. } => format!("日志的位置不连续：{en}"),
        _ if is_of_integrity => format!("档案有误或被改动：{en}"),
        _ => format!("档案无法使用：{en}"),
    };
    if is_of_integrity { Failure::Integrity { code, zh, en } } else { Failure::Failed { code, zh, en } }
}
