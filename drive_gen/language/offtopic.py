"""Texts that are not about driving, by seed: a reader has to know what it is not asked."""

from __future__ import annotations

import numpy as np

from drive_gen.language.inflect import particles
from drive_gen.language.plan import Share, pick

FRAMES = {
    "en": ("what is {thing}?", "tell me about {thing}", "I like {thing}", "how do I {deed}?", "please {deed}",
           "{deed} for me", "can you {deed}?", "my {person} wants to {deed}", "hello, how are you?",
           "{thing} and {thing2}", "{thing}", "who invented {thing}?", "{person} told me about {thing}",
           "when does {thing} begin?", "we will {deed} tomorrow", "good morning", "thanks, that is all",
           "write {thing} about {thing2}", "the {person} bought {thing}", "do you know {thing}?"),
    "ko": ("{thing}/이 뭐야?", "{thing}에 대해 알려줘", "나는 {thing}/을 좋아해", "{deed} 방법은?",
           "{deed} 싶어",
           "안녕하세요", "{thing}/과 {thing2}", "{thing}", "{thing}/은 누가 만들었어?",
           "{person}/이 {thing}/을 샀다",
           "내일 {deed} 거야", "좋은 아침입니다", "고마워, 그게 다야", "{thing}/은 언제 시작해?",
           "{thing2}에 관한 {thing}/을 써줘", "{person}에게 {thing}/을 줬다")}
THINGS = {
    "en": ("a poem", "the recipe for soup", "quantum physics", "the stock market", "my homework",
           "a chess opening",
           "the capital of France", "a birthday cake", "the new phone", "jazz music", "a football match",
           "the tax form", "photosynthesis", "an e-mail", "the French revolution", "a cat", "gardening",
           "the price of coffee", "a holiday in Spain", "the moon", "a job interview", "tomorrow's meeting"),
    "ko": ("시", "김치찌개 요리법", "양자역학", "주식 시장", "숙제", "체스", "프랑스의 수도", "생일 케이크",
           "새 휴대폰", "재즈 음악",
           "축구 경기", "세금 서류", "광합성", "이메일", "프랑스 혁명", "고양이", "정원 가꾸기", "커피 값",
           "여행 계획", "달",
           "면접", "내일 회의")}
DEEDS = {
    "en": ("bake bread", "learn the piano", "translate this letter", "book a table", "solve this equation",
           "water the plants", "fix my computer", "write a song", "call my mother", "clean the kitchen",
           "lose weight", "plan a wedding", "paint the wall", "sort a list in Python"),
    "ko": ("빵을 굽고", "피아노를 배우고", "편지를 번역하고", "식당을 예약하고", "방정식을 풀고",
           "화분에 물을 주고", "컴퓨터를 고치고",
           "노래를 만들고", "어머니께 전화하고", "부엌을 청소하고", "살을 빼고", "벽을 칠하고")}
PEOPLE = {"en": ("sister", "teacher", "neighbour", "doctor", "boss", "friend"),
          "ko": ("누나", "선생님", "이웃", "의사", "사장님", "친구")}


def off_topic(language: str, rng: np.random.Generator, share: Share = "any") -> str:
    """One text; with a share, of that share's phrasings."""
    text = pick(FRAMES[language], rng, share).format(
        thing=pick(THINGS[language], rng, share), thing2=pick(THINGS[language], rng, share),
        deed=pick(DEEDS[language], rng, share), person=pick(PEOPLE[language], rng))
    return particles(text) if language == "ko" else text
