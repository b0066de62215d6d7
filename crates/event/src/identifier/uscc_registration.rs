//! Who registers units, and as what: the first two characters of a unified social credit code.

/// The authority with which a unit is registered (登记管理部门): the first character of its code.
///
/// GB 32100-2015 itself names staffing, civil affairs, industry and commerce, and others; the rest were added later by
/// the body that administers the codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegistrationAuthority {
    /// `1` 机构编制: public bodies.
    Staffing,
    /// `2` 外交: foreign news bureaus.
    ForeignAffairs,
    /// `3` 司法行政: law firms, notaries and the like.
    Justice,
    /// `4` 文化: foreign cultural centres.
    Culture,
    /// `5` 民政: associations, private non-enterprise units, foundations.
    CivilAffairs,
    /// `6` 旅游: foreign tourism offices.
    Tourism,
    /// `7` 宗教: places of worship, religious schools.
    Religion,
    /// `8` 工会: trade unions.
    TradeUnion,
    /// `9` 工商, now 市场监督管理: enterprises, individual businesses, farmers' cooperatives.
    Commerce,
    /// `A` 中央军委改革和编制办公室: the army's public institutions.
    Military,
    /// `N` 农业: rural collective economic organisations.
    Agriculture,
    /// `Y` 其他: everyone else.
    Other,
}

/// What kind of unit it is registered as (机构类别): the second character of its code, read with the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrganisationKind {
    /// `11` 机关.
    GovernmentBody,
    /// `12` 事业单位.
    PublicInstitution,
    /// `13` 中央编办直接管理机构编制的群众团体.
    MassOrganisation,
    /// `21` 外国常驻新闻机构.
    ForeignNewsBureau,
    /// `31` 律师执业机构.
    LawFirm,
    /// `32` 公证处.
    NotaryOffice,
    /// `33` 基层法律服务所.
    GrassrootsLegalService,
    /// `34` 司法鉴定机构.
    ForensicInstitution,
    /// `35` 仲裁委员会.
    ArbitrationCommission,
    /// `41` 外国在华文化中心.
    ForeignCulturalCentre,
    /// `51` 社会团体.
    SocialAssociation,
    /// `52` 民办非企业单位.
    PrivateNonEnterprise,
    /// `53` 基金会.
    Foundation,
    /// `61` 外国旅游部门常驻代表机构.
    ForeignTourismOffice,
    /// `62` 港澳台地区旅游部门常驻内地(大陆)代表机构.
    RegionalTourismOffice,
    /// `71` 宗教活动场所.
    PlaceOfWorship,
    /// `72` 宗教院校.
    ReligiousSchool,
    /// `81` 基层工会.
    GrassrootsUnion,
    /// `91` 企业.
    Enterprise,
    /// `92` 个体工商户.
    IndividualBusiness,
    /// `93` 农民专业合作社.
    FarmersCooperative,
    /// `A1` 军队事业单位.
    MilitaryInstitution,
    /// `N1` 组级集体经济组织.
    GroupCollective,
    /// `N2` 村级集体经济组织.
    VillageCollective,
    /// `N3` 乡镇级集体经济组织.
    TownshipCollective,
    /// `Y1`, and `9` under every authority but commerce: 其他.
    Other,
}

impl RegistrationAuthority {
    /// Every character that an authority has, for messages.
    pub(super) const CHARACTERS: &'static str = "1 2 3 4 5 6 7 8 9 A N Y";

    /// The authority of the first character.
    pub(super) const fn of_character(character: u8) -> Option<Self> {
        Some(match character {
            b'1' => Self::Staffing,
            b'2' => Self::ForeignAffairs,
            b'3' => Self::Justice,
            b'4' => Self::Culture,
            b'5' => Self::CivilAffairs,
            b'6' => Self::Tourism,
            b'7' => Self::Religion,
            b'8' => Self::TradeUnion,
            b'9' => Self::Commerce,
            b'A' => Self::Military,
            b'N' => Self::Agriculture,
            b'Y' => Self::Other,
            _ => return None,
        })
    }

    /// The second characters that the authority uses, for messages.
    pub(super) const fn categories(self) -> &'static str {
        match self {
            Self::Staffing | Self::CivilAffairs | Self::Agriculture => "1 2 3 9",
            Self::ForeignAffairs | Self::Culture | Self::TradeUnion | Self::Military => "1 9",
            Self::Justice => "1 2 3 4 5 9",
            Self::Tourism | Self::Religion => "1 2 9",
            Self::Commerce => "1 2 3",
            Self::Other => "1",
        }
    }

    /// The authority's Chinese name.
    pub const fn name_zh(self) -> &'static str {
        match self {
            Self::Staffing => "机构编制",
            Self::ForeignAffairs => "外交",
            Self::Justice => "司法行政",
            Self::Culture => "文化",
            Self::CivilAffairs => "民政",
            Self::Tourism => "旅游",
            Self::Religion => "宗教",
            Self::TradeUnion => "工会",
            Self::Commerce => "工商",
            Self::Military => "中央军委改革和编制办公室",
            Self::Agriculture => "农业",
            Self::Other => "其他",
        }
    }
}

impl OrganisationKind {
    /// The kind that the second character means under an authority.
    pub(super) const fn of_character(authority: RegistrationAuthority, character: u8) -> Option<Self> {
        use RegistrationAuthority as Authority;
        Some(match (authority, character) {
            (Authority::Staffing, b'1') => Self::GovernmentBody,
            (Authority::Staffing, b'2') => Self::PublicInstitution,
            (Authority::Staffing, b'3') => Self::MassOrganisation,
            (Authority::ForeignAffairs, b'1') => Self::ForeignNewsBureau,
            (Authority::Justice, b'1') => Self::LawFirm,
            (Authority::Justice, b'2') => Self::NotaryOffice,
            (Authority::Justice, b'3') => Self::GrassrootsLegalService,
            (Authority::Justice, b'4') => Self::ForensicInstitution,
            (Authority::Justice, b'5') => Self::ArbitrationCommission,
            (Authority::Culture, b'1') => Self::ForeignCulturalCentre,
            (Authority::CivilAffairs, b'1') => Self::SocialAssociation,
            (Authority::CivilAffairs, b'2') => Self::PrivateNonEnterprise,
            (Authority::CivilAffairs, b'3') => Self::Foundation,
            (Authority::Tourism, b'1') => Self::ForeignTourismOffice,
            (Authority::Tourism, b'2') => Self::RegionalTourismOffice,
            (Authority::Religion, b'1') => Self::PlaceOfWorship,
            (Authority::Religion, b'2') => Self::ReligiousSchool,
            (Authority::TradeUnion, b'1') => Self::GrassrootsUnion,
            (Authority::Commerce, b'1') => Self::Enterprise,
            (Authority::Commerce, b'2') => Self::IndividualBusiness,
            (Authority::Commerce, b'3') => Self::FarmersCooperative,
            (Authority::Military, b'1') => Self::MilitaryInstitution,
            (Authority::Agriculture, b'1') => Self::GroupCollective,
            (Authority::Agriculture, b'2') => Self::VillageCollective,
            (Authority::Agriculture, b'3') => Self::TownshipCollective,
            (Authority::Other, b'1') => Self::Other,
            (Authority::Commerce | Authority::Other, _) => return None,
            (_, b'9') => Self::Other,
            _ => return None,
        })
    }
}
