"""English words for places, conditions and manners beyond the grammar's, apart by commas."""

from __future__ import annotations

ANY = None  # of a type without values
MORE: dict[str, dict[str | None, str]] = {
    "density": {
        "empty": (
            "empty road, all alone, no other vehicles, deserted, alone on the road, empty highway, "
            "no one else on the road, have to ourselves, nobody but us, no one but us, "
            "nobody on it but us, nobody on it, nobody on road, no other vehicle, "
            "not a single other vehicle, not a single other car, nobody else about, no one else about, "
            "no one else is out, nobody else is out, nobody around, no one around, no cars around, "
            "nobody is around, all to ourselves, road to ourselves, without any other cars, "
            "without other cars, without traffic, without other traffic, without any traffic, "
            "zero traffic, no other traffic, traffic free, lonely, lone car on road, by ourselves, "
            "just us, only us, we are alone, alone, completely empty, totally empty, abandoned, emptied, "
            "nobody else there, nobody else on it, no one else on it, only car on road, no cars anywhere, "
            "no vehicles anywhere, nobody anywhere, no other road users, no other drivers, "
            "without anyone else, no one else around, nobody else anywhere, no one else anywhere, "
            "free road, no traffic at all, bare road, ghost town"
        ),
        "light": (
            "quiet, sparse, not much traffic, few cars, few other cars, lightly, hardly any traffic, "
            "hardly any cars, scarcely any traffic, barely any traffic, almost no traffic, "
            "very little traffic, not many cars, few vehicles, few other vehicles, only few cars, "
            "handful of cars around, little going on, calm traffic, thin traffic, low traffic, "
            "low density, quiet road, uncrowded, uncongested, free flowing, free flow, light flow, "
            "almost empty, nearly empty, mostly empty, nearly deserted, near empty, hardly anyone, "
            "hardly anybody, barely anyone, calm roads, not busy, not crowded, not much going on, "
            "quiet traffic, sparsely populated, hardly a car, hardly any other cars, hardly any vehicles, "
            "isn't busy, easy traffic, scarce traffic, loose traffic, few cars on road"
        ),
        "moderate": (
            "medium density, moderately busy, medium density traffic, mid density, mod traffic, "
            "normal traffic, regular traffic, usual traffic, fair amount of traffic, reasonable traffic, "
            "some cars around, fairly busy, somewhat busy, neither light nor heavy, "
            "neither heavy nor light, typical traffic, intermediate traffic, so so traffic, "
            "ordinary traffic, moderately dense, moderate density, average density, "
            "medium traffic density, not too busy, middling traffic, certain amount of traffic, "
            "decent amount of traffic"
        ),
        "heavy": (
            "busy, crowded, congested, traffic jam, rush hour, packed, jammed, dense, bumper to bumper, "
            "lots of traffic, lots of cars, plenty of traffic, rush hour traffic, rush hour crush, crush, "
            "stop and go, stop and go traffic, gridlock, gridlocked, tailback, lots of vehicles, "
            "lots of other cars, many cars, many vehicles, many other cars, tons of traffic, tons of cars, "
            "loads of traffic, loads of cars, full of cars, full of traffic, chock a block, clogged, "
            "swarming, teeming, jam packed, high density, much traffic, so much traffic, thick traffic, "
            "peak hour, peak traffic, backed up, traffic everywhere, cars everywhere, nose to tail, "
            "overcrowded, standstill traffic, very busy, really busy, slow moving traffic, crammed, "
            "choked, snarled, traffic is terrible, hectic, bustling, jam, jams, congestion, heaving, "
            "full road, wall to wall traffic, plenty of cars, plenty of vehicles, in jam"
        ),
    },
    "weather": {
        "clear": (
            "sunny, clear, clear skies, fine weather, dry, good weather, clear sky, sky is clear, "
            "skies are clear, clear weather, clear conditions, weather is clear, weather clear, "
            "weather fine, weather good, nice weather, good visibility, cloudless, no clouds, "
            "sun is shining, sunshine, sun shines, bright sunshine, clear and dry, fine day, fair weather, "
            "perfect weather, lovely weather, great weather, blue sky, blue skies, sun out, dry road, "
            "dry roads, dry weather, dry conditions, sun, clear air, clear out, weather is fine, "
            "weather is good, weather is nice, clear view, crisp"
        ),
        "rain": (
            "rain, raining, rainy, wet, it rains, pouring, drizzle, heavy rain, drizzling, light rain, "
            "rainstorm, rains, rained, wet weather, wet road, wet roads, wet conditions, pouring rain, "
            "downpour, drizzly, shower, showers, rain shower, raining cats and dogs, cats and dogs, "
            "pelting rain, bucketing down, torrential rain, in drizzle, rainfall, stormy, thunderstorm, "
            "soaked, slick, pours, storm, precipitation, tipping it down, chucking it down, rain falling, "
            "rain coming down, bucketing, sprinkling, monsoon, deluge, wet surface, slippery wet, "
            "rain is falling"
        ),
        "fog": (
            "fog, foggy, mist, misty, thick fog, dense fog, heavy fog, fogs, fogged, foggy weather, mists, "
            "poor visibility, low visibility, pea soup, pea souper, haze, hazy, murky, thick mist, "
            "foggily, bad visibility, visibility is poor, visibility is low, fogbound, light fog, "
            "fog bank, cannot see far, smog, brume"
        ),
        "snow": (
            "snow, snowy, snowing, it snows, blizzard, heavy snow, light snow, snows, snowed, snowfall, "
            "snowstorm, snow storm, snow falling, snow coming down, snow covered, wintry, "
            "winter conditions, sleet, icy, ice, flurries, flakes, thick snow, deep snow, snow flurries, "
            "whiteout, white out, snow is falling, winter, winter weather, frosty, hail, snowbound, slush"
        ),
    },
    "time": {
        "day": (
            "daytime, day, daylight, midday, noon, afternoon, in the morning, morning, by day, day time, "
            "in day, midday sun, broad daylight, daylight hours, mid day, noontime, middle of day, "
            "during daytime, sunlit, in sunlight, daytimes, forenoon, lunchtime, light outside, "
            "mid morning, midmorning, mid afternoon, am rush"
        ),
        "dusk": (
            "dusk, dawn, twilight, sunset, sunrise, evening, daybreak, sunup, sundown, nightfall, "
            "gloaming, evening twilight, early morning light, first light, last light, evening dusk, "
            "at nightfall, half light, half dark, getting dark, sun goes down, sun is setting, sun sets, "
            "setting sun, low sun, rising sun, sun is rising, sun comes up, crack of dawn, golden hour, "
            "sun rises, late evening light, dusky, early evening, evenings, blue hour"
        ),
        "night": (
            "night, nighttime, midnight, dark, late at night, night time, nights, by night, nite, at nite, "
            "tonight, darkness, pitch dark, pitch black, dark outside, middle of night, dead of night, "
            "in darkness, nocturnal, small hours, wee hours, nighttimes, moonlight, moonlit, nt, "
            "overnight, after nightfall, in the black, no daylight, 2 am, late night"
        ),
    },
    "road": {
        "merge": (
            "on ramp, the merge, a merge, merge ahead, merging lane, merge lane, merging area, "
            "entrance ramp, acceleration lane, where an on ramp joins, highway merge, ramp joins, "
            "merge zone, merging zone, merge section, merging section, merge scene, merge scenario, "
            "merging lanes, ramp merge, ramp merging, highway on ramp, onramp, entry ramp, entry slip, "
            "entry lane, access ramp, feeder ramp, joining ramp, entrance lane, motorway entrance, "
            "highway entrance, freeway entrance, highway entry, lanes merge, two lanes merge, lanes join, "
            "ramp onto, slip road joins, junction where lanes merge, merger, merge point, merging point, "
            "freeway merge, merges section, where ramp joins, where lanes merge, ramp joining, onto ramp, "
            "merge spot, merge road"
        ),
        "exit": (
            "off ramp, exit lane, exit ramps, exits ramp, offramp, off slip, exit road, exit scene, "
            "exit scenario, highway off ramp, an exit, deceleration lane, exit section, exit slip road, "
            "motorway off ramp, freeway exit, interchange exit, exit area, exit point, turn off, turnoff, "
            "highway exits, freeway off ramp, exit zone"
        ),
        "two-way": (
            "two way street, two way, oncoming traffic, two lane road with oncoming traffic, "
            "two way roads, two way highway, bi directional road, both directions, two directional road, "
            "road with traffic in both directions, road with two way traffic, 2 way road, 2 way, "
            "2 way street, twoway, oncoming lane, opposite traffic, opposing traffic, undivided road, "
            "country lane, rural road, traffic coming other way, opposing lane, contraflow, "
            "cars coming other way, tw rd, tw road, single carriageway, oncoming, other direction, "
            "cars from opposite direction, bidirectional"
        ),
        "u-turn": (
            "u turn, uturn, u turns, u turn spot, u turn road, u turn lane, turning back, "
            "turn around spot, u turning, u turn scene, u turn point, turn round, turning loop, "
            "turn back point, turnarounds, hairpin, hairpin bend, switchback, u bend, uturns, 180 turn, "
            "180 degree turn"
        ),
        "racetrack": (
            "race track, circuit, track, race circuit, racing track, racing circuit, race course, "
            "racecourse, motor racing circuit, f1 track, formula 1 track, tracks, raceway, circuits, "
            "speedways, race tracks, track day, raceway track, nascar track, test track, racing oval, "
            "closed circuit"
        ),
        "intersection": (
            "four way crossing, four way intersection, crossroad, crossroads junction, cross roads, "
            "intersections, junctions, four way, four way stop, 4 way stop, 4 way intersection, "
            "4 way junction, cross street, x junction, street crossing, road crossing, t junction, "
            "crossway, xing, traffic lights, traffic light, stoplight, signalised junction, "
            "cross intersection, crossing point, intersecting roads"
        ),
        "highway": (
            "hwy, hiway, hw, mway, frwy, fwy, interstate, autobahn, autoroute, superhighway, highways, "
            "motorways, freeways, dual carriageway, carriageway, autostrada, tollway, turnpike, parkway, "
            "high way, free way, motor way, hwys, thruway, expwy, trunk road, main highway"
        ),
        "roundabout": (
            "roundabouts, ring, circle, round about, traffic circles, circular junction, gyratory, "
            "circular intersection, rotary junction, rotaries, mini roundabout, traffic ring, roundbout, "
            "rbt, kreisel, circus"
        ),
    },
    "style": {
        "aggressive": (
            "aggression, pushy, rude, dangerously, dangerous, wild, wildly, reckless drivers, maniac, "
            "idiot, like an idiot, like idiots, idiotic, like lunatic, maniacs, hothead, hotheads, jerk, "
            "jerks, aggressivly, agressive, agressively, angry, angrily, furious, impolite, hasty, rash, "
            "madman, madmen, like a madman, maniacally, lunatic, road rage, raging, bully, bullying, "
            "hot headed, ruthless, brutal, careless, carelessly, inconsiderate, hurried, hectically, "
            "impatiently, hostile, foolhardy, daredevil, tearaway, lead footed, rowdy, pushily, forceful, "
            "forcefully, assertive, erratic, unruly, road hog, hooligan, hooligans, cowboy, belligerent, "
            "without patience, no patience, lacks patience, lacking patience, short tempered, bad temper, "
            "foul temper, short temper, hot temper, foul mood, bad mood, bad tempered, ill tempered, "
            "in hurry, in a hurry, in rush, in great hurry, like madman, like madwoman, like nutter, "
            "nutter, nutters, nutcase, psycho, psychopath, nutjob, moron, with road rage, full of rage, "
            "foaming, hell bent, hell raiser, thug, thuggish, menacing, menacingly, threatening, "
            "threateningly, thoughtless, thoughtlessly, heedless, heedlessly, ruthlessly, brutally, "
            "brazen, brazenly, bold, boldly, rashly, rudely, hastily, stressed, cutthroat, uncooperative, "
            "selfish, selfishly, egoistic, irresponsible, irresponsibly, negligent, negligently, "
            "speed demon, boy racer, boy racers, racer, hoon, yob, bullies, tailgating maniac, "
            "hyper aggressive, very aggressive, overaggressive, mad, crazy, insane, risky, "
            "wildly aggressive, lunatics, like a maniac, like crazy, ferocious, violent, violently, unsafe"
        ),
        "defensive": (
            "gentle, gently, safely, polite, cautiously, carefully, considerate, courteous, gingerly, "
            "conservative, conservatively, prudently, timidly, shy, patient, patiently, attentive, "
            "attentively, circumspect, wary, warily, mild, calmly, relaxed driver, hesitant, unaggressive, "
            "safely driven, anxious, nervous, chill, safety conscious, considerately, politely, tentative, "
            "vigilant, meek, sensible, cautiosly, carefull, overcautious, responsibly, responsible, soft, "
            "defensively driven, risk averse, safety minded, mild mannered, well mannered, well behaved, "
            "courteously, kind, kindly driven, friendly, obliging, docile, tame, placid, calm, relaxed, "
            "laid back, easygoing, easy going, restrained, reserved, measured, slow and steady, mindful, "
            "mindfully, thoughtful, thoughtfully, watchful, alert, cooperative, gentle driver, unhasty, "
            "sedate, sedately, apprehensive, fearful, scared, frightened, nervously, hesitantly, learner, "
            "novice, student driver, granny, sunday driver, overly careful, overly cautious, "
            "extra careful, by the book, law abiding"
        ),
        "normal": (
            "normally, drives normally, normal, unremarkable, run of the mill, ordinarily, standard, "
            "everyday driver, everyday, usual, normally behaved, normal driving, drives as usual, "
            "neither aggressive nor careful, neither aggressive nor defensive, neither pushy nor timid, "
            "neither careful nor aggressive, even tempered"
        ),
    },
    "speed": {
        "stopped": (
            "standing, halted, broken down, stalled, stand still, stands still, standstill, stock still, "
            "at rest, stopped car, dead in lane, immobile, not moving, unmoving, idle, idling, is parked, "
            "stuck, still standing, at full stop, static, stood still, standing stock still, "
            "stands stock still, waiting, has stopped, have stopped, had stopped, is stopped, are stopped, "
            "stops dead from start, zero speed, starts from standstill, start from standstill, "
            "is not moving, are not moving, does not move, do not move, is not going anywhere, "
            "not going anywhere, never moves, not budging, does not budge, is not budging, halted in lane, "
            "disabled, abandoned car, with engine off, already stopped, broke down, breakdown, stoped, "
            "stationery, zero km/h"
        ),
        "slow": (
            "slower, slowly, dawdling, low speed, crawling along, crawl, crawls along, crawls, "
            "snail's pace, creeping, creeps, creep, inching, trundling, trundles, plodding, plods, "
            "dawdles, dawdle, takes its time, taking its time, takes it easy, ambling, ambles, unhurried, "
            "leisurely, sluggishly, at slow speed, low speeds, too slow, very slowly, slow going, "
            "slowpoke, poky, lumbering, lumbers, pottering, walking pace, at a crawl, barely moving, "
            "loitering, tootling, snailing, slow speed, under speed limit, below speed limit, slow pace"
        ),
        "normal": (
            "normal speed, average speed, moderate speed, at moderate speed, normal speeds, normally fast, "
            "regular speed, ordinary speed, usual speed, mid speed, middle speed, moderate pace, "
            "normal pace, average pace, medium pace, steady speed, middling speed, typical speed, "
            "standard speed, steady pace, reasonable speed, cruising, cruises, cruise, cruising speed, "
            "speed is normal, speed normal, flows with traffic, at speed limit, medium fast, "
            "speed moderate, moderately, moderate speeds"
        ),
        "fast": (
            "fast, quickly, high speed, speeding, rapidly, faster, quick, swift, swiftly, high speeds, "
            "racing along, races along, hurtling, hurtles, zooming, zooms, zoom, blasting, blasts along, "
            "tearing along, tearing around, tears along, bombing along, flying, flies along, flat out, "
            "full throttle, full tilt, full speed, top speed, speeds along, very fast, rapid, at pace, "
            "quicker, speedy, breakneck, whizzing, whizzes, whizz, barrelling, barreling, barrels along, "
            "rushing, rushes, belting, thundering, going hell for leather, hell for leather, speeder, "
            "over speed limit, above speed limit, fast pace, quick pace, hastily driven, fastly"
        ),
    },
    "distance": {
        "near": (
            "close, nearby, near, closely, very close, tailgating, tailgates, tailgate, tailgater, "
            "hugging our bumper, on our bumper, right up our back, breathing down our neck, up close, "
            "close up, very near, hard on our heels, at our heels, close at hand, "
            "within spitting distance, right at our back, not far, not far away, not far off, "
            "stuck to our bumper, close distance, short gap, small gap, tight gap, narrow gap, "
            "short distance away, little way, a stone's throw, close proximity, in immediate vicinity, "
            "tightly behind, quite close, glued to our bumper, few metres, few meters, couple of metres, "
            "couple of meters, bumper to bumper with us"
        ),
        "middle": (
            "middle distance, medium distance, middling distance, at a middling distance, middling gap, "
            "medium gap, moderate gap, mid distance, normal distance, reasonable distance, fair distance, "
            "average distance, some distance, comfortable distance, comfortable gap, decent distance, "
            "intermediate distance, usual distance, safe distance, normal gap, some way, "
            "some distance away, some way off, neither near nor far, neither close nor far, medium range, "
            "middle of range, at some distance, moderate distance, medium distance away, not too close, "
            "not too far"
        ),
        "far": (
            "far, far off, distant, a long way, long way, further, long way off, long distance, "
            "long distance away, great distance, way off, big gap, large gap, huge gap, wide gap, "
            "large distance, big distance, remote, miles away, distantly, farther, afar, faraway, "
            "off in distance, considerable distance, good way off, good distance, far removed, "
            "distant from us, far from us, horizon"
        ),
        "beside": (
            "beside us, beside, alongside, right next to us, right beside, side by side with us, "
            "next to me, right next to, level with, abreast of us, neck and neck with us, "
            "shoulder to shoulder with us, in parallel with us, right at our side, at our side, "
            "by our side, adjacent to us, parallel to us, flanking us, directly beside us, "
            "directly next to us, directly alongside, immediately beside us, right besides us, besides us, "
            "adjacent, next to, alongside of us, abeam, beside our car, driving beside us, door to door"
        ),
    },
    "abreast": {
        ANY: (
            "two abreast, parallel, in parallel, shoulder to shoulder, running abreast, three abreast, "
            "in line abreast, in a row across, beside each other, next to one another, beside one another, "
            "alongside each other, alongside one another, neck to neck, level with each other, "
            "level with one another, two by two, one beside other, flank to flank, in tandem abreast, "
            "side to side, sidebyside"
        ),
    },
    "bare": {
        "heavy": "heavy, thick",
        "light": "light, thin",
        "moderate": "moderate, average, medium, middling",
    },
    "traffic": {
        "empty": "none, nil, zero, empty, absent, non existent",
        "light": (
            "light, little, sparse, thin, low, scarce, quiet, calm, scant, minimal, easy, loose, weak, "
            "slight"
        ),
        "moderate": (
            "moderate, medium, average, normal, middling, mod, intermediate, ordinary, usual, mid, "
            "regular, fair, reasonable, moderately dense, so so"
        ),
        "heavy": (
            "heavy, dense, busy, thick, high, congested, crowded, jammed, intense, packed, bad, terrible, "
            "awful, strong, very heavy, big"
        ),
    },
}
