"""The page's words in both languages; the page's style shows the one that was chosen."""

from ..report.markup import Markup, join, tag

CHINESE = {
    "Data inspection": "数据检查",
    "Skip to the figures": "跳到数据",
    "Overview": "总览",
    "Labels": "标签",
    "Lengths": "长度",
    "Problems": "问题",
    "Leakage": "泄漏",
    "Split": "划分",
    "Splits": "各划分",
    "Records": "记录",
    "Rejected": "被拒绝",
    "Languages": "语言",
    "Without annotation": "无标注",
    "Exact duplicates": "完全重复",
    "Near duplicates": "近似重复",
    "Not in the text": "不在原文中",
    "Over the window": "超出窗口",
    "Several labels": "标签冲突",
    "Texts in train too": "训练集中已有的文本",
    "Label": "标签",
    "Items": "条数",
    "Note": "备注",
    "rare": "少见",
    "not in the schema": "不在模式中",
    "Share": "占比",
    "Section": "类别",
    "Where": "位置",
    "String": "字符串",
    "Same as": "相同于",
    "Similarity": "相似度",
    "Reason": "原因",
    "Unit": "单位",
    "Seen in train": "训练集中出现过",
    "Texts": "文本",
    "in one text": "同一文本内",
    "Nothing to report.": "没有发现问题。",
    "characters": "字符",
    "tokens": "词元",
    "entities": "实体",
    "relations": "关系",
    "events": "事件",
    "arguments": "论元",
    "answers": "答案",
    "nodes": "节点",
    "edges": "边",
    "Rejected lines": "被拒绝的行",
    "Strings that are not in their text": "不在原文中的字符串",
    "The same string under several labels": "同一字符串有多个标签",
    "Repeated texts": "重复的文本",
    "Texts that train has too": "训练集中也有的文本",
    "Items that train has too": "训练集中也有的标注",
    "Sizes of the texts": "文本大小",
    "Near duplicates share at least 0.8 of their character 5-grams (Jaccard). An item is seen if train has its strict "
    "key; a rare label has fewer than 5 items.": "近似重复：字符 5-gram 的 Jaccard 相似度不低于 0.8。"
    "严格键在训练集中出现过的标注记为“出现过”；少于 5 条的标签记为“少见”。",
}


def say(words: str) -> Markup:
    """The words in both languages; those without a translation are the same in both."""
    if words not in CHINESE:
        return tag("bdi", words)
    return join((tag("span", words, lang="en", class_="say"), tag("span", CHINESE[words], lang="zh", class_="say")))
