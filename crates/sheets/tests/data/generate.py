"""Writes the spreadsheet fixtures with writers that are independent of this project.

Needs openpyxl and xlwt, and msoffcrypto-tool for the encrypted one. Run in this folder: python3 generate.py
"""
import csv
import datetime
import io

import openpyxl
import xlwt
from openpyxl.utils.datetime import CALENDAR_MAC_1904

LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
ORG = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def uscc(authority, region, body8):
    """GB 32100-2015 and GB 11714, computed here and not by the project."""
    weights = [3, 7, 9, 10, 5, 8, 4, 2]
    check = (11 - sum(w * ORG.index(c) for w, c in zip(weights, body8)) % 11) % 11
    prefix = authority + region + body8 + ("X" if check == 10 else str(check))
    total = sum(LETTERS.index(c) * pow(3, i, 31) for i, c in enumerate(prefix))
    return prefix + LETTERS[(31 - total % 31) % 31]


HOTEL = uscc("91", "350602", "MA2XA001")
SCHOOL = uscc("12", "350600", "48901234")
HEADERS = ["统一社会信用代码", "单位名称", "行政区划代码", "地址", "行业代码", "违法行为类型", "严重程度", "违法事实", "依据",
           "发现日期", "发现方式", "文号", "办结日期", "处理结果", "罚款金额(万元)"]


def row(code, name, region, found, closed=None, outcome=None, fine=None, category="fire.60-3", severity="严重", method="双随机"):
    return [code, name, region, "胜利西路 1 号", "H61", category, severity, "二层疏散通道堆放杂物", "消防法第六十条第一款第三项；某条例第十条",
            found, method, "漳消检〔2023〕12号", closed, outcome, fine]


def ledger_1900():
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "台账"
    sheet.append(HEADERS)
    day = datetime.date(2023, 10, 12)
    rows = [
        row(HOTEL, "某酒店", "350602", day, datetime.datetime(2023, 10, 20, 14, 30), "责令限期改正", 0.5),
        row(HOTEL.lower(), "某酒店", 350602, "2023年10月13日", None, "整改中"),
        row(SCHOOL, "某学校", "福建省漳州市芗城区", 45211),
        row(SCHOOL, "某学校", 350602, 60),
        row(float("9.1350E+17"), "某工厂", 350602, day),
        row(HOTEL, "某酒店", 350602, 20231014),
        row(HOTEL, "某酒店", 350602, "#DIV/0!"),
    ]
    for cells in rows:
        sheet.append(cells)
    sheet["J5"].number_format = "yyyy-mm-dd"
    sheet["A7"].number_format = "@"
    sheet["J2"].number_format = 'yyyy"年"m"月"d"日"'
    sheet["M2"].number_format = "yyyy-mm-dd hh:mm"
    book.save("ledger-1900.xlsx")


def ledger_1904():
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    sheet = book.active
    sheet.title = "台账"
    sheet.append(HEADERS)
    sheet.append(row(HOTEL, "某酒店", "350602", datetime.date(2023, 10, 12)))
    sheet.append(row(HOTEL, "某酒店", "350602", 43749))
    book.save("ledger-1904.xlsx")


def merged_header():
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "汇总"
    sheet["A1"] = "2023 年消防违法行为汇总表"
    sheet.merge_cells("A1:H1")
    for cell, text in {"A2": "*统一社会信用代码", "B2": "单位名称", "C2": "所属区划", "D2": "违法行为", "G2": "查处", "H2": "备注"}.items():
        sheet[cell] = text
    for cell, text in {"D3": "违法行为类型", "E3": "违法事实", "F3": "发现日期", "G3": "发现方式"}.items():
        sheet[cell] = text
    for area in ["A2:A3", "B2:B3", "C2:C3", "D2:F2", "H2:H3"]:
        sheet.merge_cells(area)
    sheet["A5"], sheet["B5"], sheet["C5"], sheet["D5"] = HOTEL, "某酒店", "350602", "fire.60-5"
    sheet["E5"], sheet["F5"], sheet["G5"] = "占用消防车通道", datetime.date(2023, 10, 12), "举报"
    book.save("merged-header.xlsx")


def two_sheets():
    book = openpyxl.Workbook()
    note = book.active
    note.title = "说明"
    note.append(["本表由各科室填报"])
    first = book.create_sheet("一季度")
    first.append(HEADERS)
    first.append(row(HOTEL, "某酒店", "350602", datetime.date(2023, 1, 12)))
    first.append(row(HOTEL, "某酒店", "350602", datetime.date(2023, 1, 12)))
    first.append(row("91350602MA2XA00100", "某酒店", "350602", datetime.date(2023, 1, 13)))
    second = book.create_sheet("二季度")
    order = list(range(len(HEADERS)))[::-1]
    second.append([HEADERS[i] for i in order] + ["备注"])
    cells = row(SCHOOL, "某学校", "350602", datetime.date(2023, 4, 12))
    second.append([cells[i] for i in order] + ["无"])
    cells = row(SCHOOL, "某学校", "999999", datetime.date(2023, 4, 13))
    second.append([cells[i] for i in order] + ["待核"])
    book.save("two-sheets.xlsx")


def old_xls():
    book = xlwt.Workbook()
    sheet = book.add_sheet("台账")
    style = xlwt.easyxf(num_format_str="yyyy-mm-dd")
    for column, header in enumerate(HEADERS):
        sheet.write(0, column, header)
    for column, value in enumerate(row(HOTEL, "某酒店", "350602", datetime.date(2023, 10, 12), fine=1)):
        if isinstance(value, datetime.date):
            sheet.write(1, column, value, style)
        elif value is not None:
            sheet.write(1, column, value)
    book.save("ledger.xls")


def texts(rows, delimiter=","):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    for cells in rows:
        writer.writerow(["" if cell is None else cell for cell in cells])
    return out.getvalue()


def text_files():
    good = row(HOTEL, "某酒店", "350602", "2023/10/12", "2023.10.20", "处罚", "1")
    # 㐂 is outside GBK, in the four-byte range of GB 18030.
    rare = row(SCHOOL, "㐂学校", "350602", "20231013")
    open("gbk.csv", "wb").write(texts([HEADERS, good]).encode("gbk"))
    open("gb18030.csv", "wb").write(texts([HEADERS, good, rare]).encode("gb18030"))
    open("utf8-bom.csv", "wb").write(texts([HEADERS, good, rare]).encode("utf-8-sig"))
    open("semicolon.csv", "wb").write(texts([HEADERS, good], ";").encode("utf-8"))
    open("utf16-tab.csv", "wb").write(texts([HEADERS, good], "\t").encode("utf-16"))


def encrypted():
    from msoffcrypto.format.ooxml import OOXMLFile
    with open("merged-header.xlsx", "rb") as plain, open("encrypted.xlsx", "wb") as out:
        OOXMLFile(plain).encrypt("fixture", out)


if __name__ == "__main__":
    ledger_1900()
    ledger_1904()
    merged_header()
    two_sheets()
    old_xls()
    text_files()
    encrypted()
    print(HOTEL, SCHOOL)
