"""English words for every value, the common ones first; the last of each list are held out (see `variety`).

A verb carries a star where it is inflected: "slam* on the brakes".
"""

from __future__ import annotations

Words = dict[str, tuple[str, ...]]

ROAD: Words = {
    "highway": ("highway", "motorway", "freeway", "interstate", "expressway"),
    "merge": (
        "merging section",
        "merge area",
        "on-ramp merge",
        "merging zone",
        "on-ramp",
        "merge zone",
        "slip road",
    ),
    "roundabout": ("roundabout", "traffic circle", "rotary"),
    "intersection": ("intersection", "crossing", "junction", "crossroads"),
    "exit": ("highway exit", "motorway exit", "off-ramp", "exit ramp"),
    "two-way": (
        "two-way road",
        "road with oncoming traffic",
        "bidirectional road",
        "two-way street",
        "country road",
    ),
    "u-turn": ("u-turn", "turnaround", "hairpin turn"),
    "racetrack": ("racetrack", "race track", "racing circuit", "race circuit", "speedway"),
}
AT_ROADS = ("roundabout", "intersection", "exit", "u-turn")  # at them, on the others
DENSITY: Words = {
    "empty": (
        "no other cars",
        "an empty road",
        "no traffic",
        "not a single other vehicle",
        "nobody else on the road",
    ),
    "light": (
        "light traffic",
        "little traffic",
        "sparse traffic",
        "hardly any traffic",
        "very little traffic",
        "few cars around",
    ),
    "moderate": ("moderate traffic", "medium traffic", "some traffic", "normal traffic", "average traffic"),
    "heavy": (
        "heavy traffic",
        "dense traffic",
        "a lot of traffic",
        "congested traffic",
        "lots of traffic",
        "bumper-to-bumper traffic",
        "crowded lanes",
    ),
}
WEATHER: Words = {
    "clear": (
        "in clear weather",
        "under a clear sky",
        "on a sunny day",
        "under blue skies",
        "in fine weather",
    ),
    "rain": ("in the rain", "in rainy weather", "on a wet road", "in pouring rain", "in a downpour"),
    "fog": ("in fog", "in foggy weather", "in thick mist", "in the mist", "in the haze"),
    "snow": ("in snow", "in snowy weather", "during snowfall", "in heavy snow", "in a blizzard"),
}
TIME: Words = {
    "day": ("in daylight", "during the day", "at noon", "in the afternoon", "in broad daylight"),
    "dusk": ("at dusk", "at dawn", "at sunset", "at sunrise", "in the twilight"),
    "night": ("at night", "in the dark", "at midnight", "in the middle of the night", "after dark"),
}
TASK: Words = {
    "keep-lane": (
        "stay* in our lane",
        "keep* our lane",
        "remain* in the lane",
        "stick* to our lane",
        "hold* our lane",
    ),
    "follow": (
        "follow* the car ahead",
        "stay* behind the car ahead",
        "follow* the car in front",
        "tail* the car in front",
    ),
    "overtake": ("overtake*", "pass* the slower traffic", "get* past"),
    "merge": (
        "merge* onto the road",
        "have* to merge",
        "join* the main road",
        "need* to merge",
        "enter* from the ramp",
    ),
    "exit": (
        "take* the exit",
        "leave* the highway",
        "exit* the highway",
        "get* off the highway",
        "go* off at the exit",
    ),
    "turn-left": ("turn* left", "make* a left turn", "take* a left", "hang* a left"),
    "turn-right": ("turn* right", "make* a right turn", "take* a right", "hang* a right"),
    "go-straight": (
        "go* straight",
        "drive* straight on",
        "continue* straight ahead",
        "head* straight through",
    ),
}
EGO = ("our car", "we", "the ego", "the ego vehicle", "I", "my car")
KIND: Words = {
    "car": ("car", "vehicle", "sedan"),
    "truck": ("truck", "lorry", "semi-trailer", "big rig", "heavy goods vehicle"),
}
# {kind} is the noun; before a name may stand an article and adjectives.
ROLE: Words = {
    "lead": (
        "{kind} ahead",
        "{kind} in front of us",
        "lead {kind}",
        "leading {kind}",
        "{kind} directly ahead",
    ),
    "follower": (
        "{kind} behind",
        "{kind} behind us",
        "following {kind}",
        "rear {kind}",
        "{kind} at our back",
    ),
    "left": (
        "{kind} to the left",
        "{kind} on our left",
        "left {kind}",
        "{kind} in the left lane",
        "{kind} on the left-hand side",
    ),
    "right": (
        "{kind} to the right",
        "{kind} on our right",
        "right {kind}",
        "{kind} in the right lane",
        "{kind} on the right-hand side",
    ),
    "cut-in": ("cut-in {kind}", "{kind} that cuts in", "{kind} cutting in", "intruding {kind}"),
}
STYLE: Words = {
    "aggressive": ("aggressive", "reckless", "pushy", "impatient", "rude", "hot-headed"),
    "defensive": ("defensive", "careful", "cautious", "timid", "considerate", "prudent"),
    "normal": ("normally driven", "ordinary", "regular", "average"),
}
STYLE_ADVERB: Words = {
    "aggressive": ("aggressively", "recklessly", "impatiently"),
    "defensive": ("defensively", "carefully", "cautiously"),
    "normal": ("in an ordinary manner", "in the usual manner", "unremarkably"),
}
SPEED: Words = {
    "stopped": ("stopped", "stationary", "parked", "motionless"),
    "slow": ("slow", "slow-moving", "sluggish", "dawdling", "crawling"),
    "normal": ("medium-speed", "normal-speed", "moderately fast"),
    "fast": ("fast", "speeding", "fast-moving", "quick", "high-speed"),
}
SPEED_ADVERB: Words = {
    "stopped": ("standing still", "at a standstill"),
    "slow": ("slowly", "at low speed", "at 40 km/h", "at 30 mph"),
    "normal": ("at a normal speed", "at medium speed", "at 70 km/h"),
    "fast": ("at high speed", "quickly", "at 110 km/h", "at full speed"),
}
DISTANCE: Words = {
    "beside": ("right beside us", "alongside us", "next to us", "level with us"),
    "near": ("close by", "at a short distance", "10 m away", "very close", "at close range"),
    "middle": (
        "at a medium distance",
        "at a moderate distance",
        "30 m away",
        "some distance away",
        "at mid range",
    ),
    "far": ("far away", "at a great distance", "80 m away", "a long way off", "in the distance"),
}
ABREAST = ("side by side", "abreast", "next to each other", "neck and neck")
EVENT: Words = {
    "brake": (
        "brake* hard",
        "slam* on the brakes",
        "brake* suddenly",
        "hit* the brakes",
        "do* an emergency stop",
        "brake* sharply",
        "make* an emergency stop",
        "jam* on the brakes",
    ),
    "cut-in": (
        "cut* in",
        "cut* in front of us",
        "squeeze* in front of us",
        "barge* in",
        "squeeze* in",
        "swerve* into our lane",
        "butt* in",
    ),
    "lane-left": (
        "change* to the left lane",
        "change* lanes to the left",
        "move* to the left lane",
        "shift* left",
        "swerve* left",
        "move* over to the left",
        "pull* over to the left lane",
    ),
    "lane-right": (
        "change* to the right lane",
        "change* lanes to the right",
        "move* to the right lane",
        "shift* right",
        "swerve* right",
        "move* over to the right",
        "pull* over to the right lane",
    ),
    "lane-change": (
        "change* lanes",
        "switch* lanes",
        "move* to another lane",
        "make* a lane change",
        "swap* lanes",
        "hop* lanes",
    ),
    "stop": ("stop*", "come* to a stop", "come* to a halt", "pull* up", "roll* to a stop", "halt*"),
    "accelerate": (
        "accelerate*",
        "speed* up",
        "step* on the gas",
        "pick* up speed",
        "hit* the gas",
        "go* faster",
        "floor* it",
    ),
    "crash": (
        "crash*",
        "have* an accident",
        "have* a collision",
        "collide*",
        "get* into an accident",
        "wreck*",
    ),
    "merge": ("merge*", "join* the traffic", "come* in from the ramp", "join* from the ramp", "filter* in"),
}
EVENT_NOUN: Words = {
    "brake": ("hard braking", "sudden braking", "emergency braking"),
    "cut-in": ("cut-in", "cutting in", "barging in"),
    "lane-left": ("lane change to the left", "left lane change", "switch to the left lane"),
    "lane-right": ("lane change to the right", "right lane change", "switch to the right lane"),
    "lane-change": ("lane change", "lane changing", "switching of lanes"),
    "stop": ("stopping", "standstill of anyone", "halting"),
    "accelerate": ("acceleration", "speeding up", "accelerating"),
    "crash": ("crash", "accident", "collision", "pile-up"),
    "merge": ("merging traffic", "merging manoeuvre", "filtering in"),
}
WHEN: Words = {
    "early": ("early on", "at the beginning", "soon", "right at the start", "right away", "at the outset"),
    "mid": ("halfway through", "in the middle", "midway", "halfway", "at the halfway point"),
    "late": ("late", "at the end", "towards the end", "near the end", "in the closing seconds"),
}
AT_S = ("after {n} seconds", "at second {n}", "{n} seconds in", "at t = {n} s", "at {n} s")
SOMEONE = ("someone", "somebody", "some driver")
NOBODY = ("nobody", "no one", "no car", "not a single driver")
WITHOUT: Words = {
    "trucks": ("no trucks", "no lorries", "without any trucks", "not a single truck"),
    "lead": ("nobody ahead", "no car ahead", "no one in front of us", "no lead car"),
    "follower": ("nobody behind us", "no car behind", "no one behind", "no follower"),
    "left": ("nobody to the left", "no car on our left", "no one in the left lane", "no left neighbour"),
    "right": ("nobody to the right", "no car on our right", "no one in the right lane", "no right neighbour"),
    "aggressive": ("no aggressive drivers", "no reckless drivers", "nobody aggressive", "no pushy cars"),
}
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
# Whole clauses; the last of each are held-out phrasings.
FRAME: Words = {
    "road": (
        "{on}",
        "we are {on}",
        "the scene is {on}",
        "{a}",
        "it happens {on}",
        "picture {a}",
        "give me {a}",
        "{a}, please",
        "set {on}",
    ),
    "lanes": (
        "{n} lanes",
        "with {n} lanes",
        "the road has {n} lanes",
        "a road of {n} lanes",
        "{n} lanes wide",
    ),
    "condition": ("{it}", "it is {it}", "all of this {it}", "driving {it}"),  # weather, time
    "density": ("with {it}", "there is {it}", "{it}", "we have {it}", "expect {it}"),
    "there": (
        "there is {np}",
        "{np}",
        "with {np}",
        "we see {np}",
        "{np} can be seen",
        "there should be {np}",
        "add {np}",
        "put {np} there",
    ),
    "is": (
        "{the} is {adj}",
        "{the} happens to be {adj}",
        "{the}: {adj}",
        "{the} {adj}",
        "{the}, which is {adj}",
    ),
    "event": (
        "{who} {does} {when}",
        "{when} {who} {does}",
        "{when}, {who} {does}",
        "we see {who} {doing} {when}",
        "{who} will {do} {when}",
        "let {who} {do} {when}",
        "have {who} {do} {when}",
    ),
    "never": (
        "{who} does not {do}",
        "{who} doesn't {do}",
        "{who} never {does}",
        "{who} won't {do}",
        "{who} refrains from {doing}",
        "{who} must not {do}",
        "{who} refuses to {do}",
        "{who} is not {doing}",
    ),
    "nobody": (
        "{nobody} {does}",
        "no {noun}",
        "there is no {noun}",
        "without any {noun}",
        "{nobody} {does} at all",
        "do not let anyone {do}",
        "without anyone {doing}",
        "{noun} does not occur",
    ),
    "task": (
        "{ego} {do}",
        "{ego} should {do}",
        "the task is to {do}",
        "{ego} will {do}",
        "please {do}",
        "i want to {do}",
        "the goal is to {do}",
    ),
    "without": ("{no}", "there is {no}", "{no} at all", "{no} whatsoever"),
    "also": ("and then {does} {when}", "and {does} {when}", "and afterwards {does} {when}"),
    "but_not": (
        "but {who} does not",
        "but not {who}",
        "{who} doesn't, though",
        "unlike that, {who} does not",
    ),
}
