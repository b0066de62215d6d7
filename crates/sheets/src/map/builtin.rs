//! The built-in map for the headers that Chinese ledgers use. It also knows the fields' English names.

use super::{ColumnMap, Field, FieldSources, KeyPart, Source, UnitRule};

/// Each field's headers. A file must have those that are marked as required.
const HEADERS: &[(Field, bool, &[&str])] = &[
    (
        Field::Unit,
        true,
        &[
            "统一社会信用代码",
            "社会信用代码",
            "信用代码",
            "统一信用代码",
            "单位统一社会信用代码",
            "单位代码",
            "行政相对人代码_1(统一社会信用代码)",
            "unit",
            "uscc",
        ],
    ),
    (
        Field::UnitName,
        false,
        &["单位名称", "被检查单位", "当事人", "当事人名称", "违法单位", "企业名称", "行政相对人名称", "unit_name"],
    ),
    (Field::Region, true, &["行政区划代码", "行政区划", "区划代码", "区划", "所属区划", "region"]),
    (Field::Address, false, &["地址", "单位地址", "场所地址", "违法地点", "详细地址", "address"]),
    (Field::Trade, false, &["行业代码", "国民经济行业代码", "行业类别代码", "行业", "trade"]),
    (
        Field::Category,
        true,
        &["违法行为类型", "违法行为类别", "类别代码", "违法类别", "违法行为代码", "隐患类别", "category"],
    ),
    (Field::Severity, false, &["严重程度", "违法程度", "危害程度", "隐患等级", "severity"]),
    (Field::FoundOn, true, &["发现日期", "检查日期", "违法行为发现日期", "查处日期", "found_on"]),
    (Field::Method, true, &["发现方式", "发现途径", "案件来源", "线索来源", "method"]),
    (Field::Facts, true, &["违法事实", "主要违法事实", "违法行为", "问题描述", "隐患描述", "存在问题", "facts"]),
    (Field::LegalBasis, false, &["依据", "法律依据", "违法依据", "处罚依据", "违反条款", "legal_basis"]),
    (Field::Reference, false, &["文号", "案号", "文书编号", "法律文书编号", "案件编号", "reference"]),
    (Field::Status, false, &["状态", "办理状态", "是否办结", "是否销案", "status"]),
    (Field::ClosedOn, false, &["办结日期", "销案日期", "销号日期", "整改完成日期", "closed_on"]),
    (Field::Outcome, false, &["处理结果", "查处结果", "处置结果", "outcome"]),
    (
        Field::ClosingText,
        false,
        &["处理情况", "整改情况", "办理情况", "处理结果", "查处结果", "处置结果", "closing_text"],
    ),
    (
        Field::DecisionNumber,
        false,
        &["处罚决定书文号", "处罚决定文号", "决定书文号", "行政处罚决定书文号", "decision_number"],
    ),
    (Field::Penalty, false, &["罚款金额(元)", "罚款金额", "罚款(元)", "罚款", "penalty_yuan", "penalty"]),
];

/// Headers that only the book of an agency has that keeps it beside the log.
const BOOK_HEADERS: &[(Field, &[&str])] = &[
    (Field::CaseId, &["平台编号", "平台案件编号", "case_id", "case"]),
    (Field::HandledOn, &["办理日期", "处理日期", "查处日期", "处罚日期", "处罚决定日期", "反馈日期", "handled_on"]),
    (Field::UpdatedOn, &["更新日期", "修改日期", "最后更新", "updated_on"]),
];

/// A header that means the day of finding in a ledger of findings, and that of handling in a book of cases.
const HANDLED_IN_BOOKS: &str = "查处日期";

/// The headers of sums in ten thousand yuan, as the national publicity table has it.
const HEADERS_WAN: &[&str] = &["罚款金额(万元)", "罚款(万元)"];

/// The columns that hold a row's own number; 序号 is not among them, because sorting or deleting rows changes it.
const KEY_HEADERS: &[&str] = &["违法行为编号", "隐患编号", "记录编号", "唯一标识", "编号", "key", "id"];

const SEVERITIES: &[(&str, &str)] = &[
    ("一般", "general"),
    ("一般违法", "general"),
    ("一般隐患", "general"),
    ("一般火灾隐患", "general"),
    ("较重", "considerable"),
    ("较重违法", "considerable"),
    ("严重", "serious"),
    ("严重违法", "serious"),
    ("特别严重", "grave"),
    ("特别严重违法", "grave"),
    ("重大火灾隐患", "major_hazard"),
    ("重大隐患", "major_hazard"),
];

const METHODS: &[(&str, &str)] = &[
    ("监督检查", "inspection"),
    ("日常检查", "inspection"),
    ("日常监督检查", "inspection"),
    ("消防监督检查", "inspection"),
    ("双随机", "double_random"),
    ("双随机抽查", "double_random"),
    ("双随机检查", "double_random"),
    ("双随机、一公开", "double_random"),
    ("双随机一公开", "double_random"),
    ("举报", "public_report"),
    ("群众举报", "public_report"),
    ("投诉举报", "public_report"),
    ("举报投诉", "public_report"),
    ("联合执法", "joint_enforcement"),
    ("联合检查", "joint_enforcement"),
    ("移送", "transfer"),
    ("部门移送", "transfer"),
    ("抄送", "transfer"),
];

const OUTCOMES: &[(&str, &str)] = &[
    ("当场改正", "rectified_on_site"),
    ("当场整改", "rectified_on_site"),
    ("已当场改正", "rectified_on_site"),
    ("责令改正", "rectification_ordered"),
    ("责令限期改正", "rectification_ordered"),
    ("限期整改", "rectification_ordered"),
    ("责令整改", "rectification_ordered"),
    ("行政处罚", "penalised"),
    ("处罚", "penalised"),
    ("罚款", "penalised"),
    ("警告", "penalised"),
    ("责令停产停业", "penalised"),
    ("吊销", "penalised"),
    ("立案", "case_filed"),
    ("立案查处", "case_filed"),
    ("查无实据", "no_violation"),
    ("不属实", "no_violation"),
    ("未发现违法行为", "no_violation"),
    ("移送司法", "moved_to_judiciary"),
    ("移送公安", "moved_to_judiciary"),
    ("移送检察", "moved_to_judiciary"),
    ("移送司法机关", "moved_to_judiciary"),
];

const STATUSES: &[(&str, &str)] = &[
    ("已办结", "closed"),
    ("办结", "closed"),
    ("已销案", "closed"),
    ("已销号", "closed"),
    ("是", "closed"),
    ("已整改", "closed"),
    ("未办结", "open"),
    ("办理中", "open"),
    ("在办", "open"),
    ("未销案", "open"),
    ("未销号", "open"),
    ("否", "open"),
    ("整改中", "open"),
    ("未整改", "open"),
];

pub(super) fn zh() -> ColumnMap {
    let mut field = FieldSources::default();
    for (name, required, headers) in HEADERS {
        *field.of_mut(*name) = vec![Source { optional: !required, ..source(headers) }];
    }
    for (name, words) in
        [(Field::Severity, SEVERITIES), (Field::Method, METHODS), (Field::Outcome, OUTCOMES), (Field::Status, STATUSES)]
    {
        for source in field.of_mut(name) {
            source.values = words.iter().map(|(word, meaning)| ((*word).to_owned(), (*meaning).to_owned())).collect();
            source.codes = true;
        }
    }
    for source in field.of_mut(Field::Outcome) {
        // 处理结果 is often a sentence; the whole text is kept as closing_text.
        source.ignore_unknown = true;
    }
    let wan = Source { optional: true, money: crate::MoneyUnit::TenThousandYuan, ..source(HEADERS_WAN) };
    field.of_mut(Field::Penalty).push(wan);
    ColumnMap {
        name: "builtin-zh".to_owned(),
        description: "Ledgers with Chinese headers, or with the fields' English names as headers.".to_owned(),
        key: vec![KeyPart { headers: owned(KEY_HEADERS), optional: true }],
        unit: UnitRule::default(),
        field,
    }
}

pub(super) fn book() -> ColumnMap {
    let mut map = zh();
    "builtin-book".clone_into(&mut map.name);
    "Books that are held against the log.".clone_into(&mut map.description);
    map.key = Vec::new();
    for field in Field::ALL {
        for source in map.field.of_mut(*field) {
            source.optional = true;
            source.headers.retain(|header| header != HANDLED_IN_BOOKS);
        }
    }
    for (field, headers) in BOOK_HEADERS {
        *map.field.of_mut(*field) = vec![Source { optional: true, ..source(headers) }];
    }
    map
}

fn source(headers: &[&str]) -> Source {
    Source { headers: owned(headers), ..Source::default() }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_built_in_map_passes_the_check_of_every_map() {
        let text = toml::to_string(&zh()).unwrap();
        let read = ColumnMap::from_toml(&text, "builtin").unwrap();
        assert_eq!(read.name, "builtin-zh");
    }

    #[test]
    fn no_header_means_two_fields_by_accident() {
        // 处理结果 serves as outcome and as text on purpose.
        let shared = ["处理结果", "查处结果", "处置结果"];
        let mut seen = std::collections::BTreeMap::new();
        for (field, _, headers) in HEADERS {
            for header in headers.iter().filter(|header| !shared.contains(header)) {
                assert_eq!(seen.insert(crate::text::header_form(header), field), None, "{header}");
            }
        }
    }
}
