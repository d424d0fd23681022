"""English small words and names of people beyond the grammar's, apart by commas."""

from __future__ import annotations

ANY = None  # of a type without values
MORE: dict[str, dict[str | None, str]] = {
    "or": {
        ANY: "or, nor",
    },
    "not": {
        ANY: (
            "not, never, refrains from, refrain from, will not, fails to, does not, is not, refuses to, "
            "refuse to, fail to, cannot, can not, did not, do not, are not, was not, should not, must not, "
            "shall not, would not, avoids, avoid, avoiding, has not, have not, am not, without ever, "
            "stops short of, declines to, no longer, hardly ever, isnt, rather than, instead of, "
            "refraining from, shan't, aint, no chance to, no chance of, no way to, no room to, unable to, "
            "impossible to, no need to, without being able to, no intention of, has no intention of, "
            "have no intention of, there is no need to, is not allowed to, are not allowed to, "
            "is not supposed to, are not supposed to, is not going to, are not going to, am not going to, "
            "does not want to, do not want to, does not try to, do not try to, does not get to, "
            "does not have to, do not have to, does not end up, manages not to, tries not to, at no point, "
            "at no time, by no means, in no way, under no circumstances, is unwilling to, is told not to"
        ),
    },
    "no": {
        ANY: (
            "no, anything but, everything but, all but, without, without any, not a single, not any, zero, "
            "is not any, are not any, is not single, are not many, is not one, far from any, far from a, "
            "free of, free from, clear of, devoid of, absence of, lack of, leave out, exclude, excluding, "
            "skip, minus, not one, sans, w/o, never any, lacking, 0, nor any, no more"
        ),
    },
    "without": {
        "trucks": "truck free, lorry free, trucks free, hgv free, truckless",
    },
    "nobody": {
        ANY: (
            "nobody, no one, none of the cars, nobody else, no driver, no vehicle, none of us, "
            "none of them, none of cars, none of drivers, not a soul, not one car, no other car, "
            "no other driver, no vehicles, no cars, nobody at all, no single car, no car whatsoever, "
            "noone, no 1, no body, neither of them"
        ),
    },
    "oneof": {
        ANY: (
            "one of, one of the, one of them, one of those, one of these, one of which, one of whom, 1 of, "
            "1 of them, any one of, first of, last of, another of them, either of"
        ),
    },
    "that": {
        "former": "the former, the first one, former one",
        "latter": "the latter, the second one, latter one",
        "it": (
            "it, he, she, him, this one, that one, same car, said car, same vehicle, said vehicle, "
            "same driver"
        ),
    },
    "someone": {
        ANY: (
            "anyone, any car, somebody else, someone else, some other driver, some other car, one driver, "
            "anybody, any driver, an other driver, unspecified car, some vehicles, any vehicle, "
            "any of cars, one road user, another road user"
        ),
    },
    "ego": {
        ANY: (
            "our vehicle, my vehicle, me, ego, ego car, us, let us, ego vehicle, ego agent, ego's, "
            "our own car, my own car, own car, own vehicle, host vehicle, subject vehicle, ego driver, "
            "hero car, hero vehicle, agent car, i, ourselves, self, av, our driver, player car, "
            "protagonist, host car, our ride, us driving"
        ),
    },
    "kind": {
        "truck": (
            "tractor trailer, big rig, hgv, semi, semis, semi truck, pickup truck, 18 wheeler, "
            "eighteen wheeler, artic, articulated lorry, juggernaut, rig, semi trailer, trailer truck, "
            "freight truck, dump truck, box truck, cement mixer, cargo truck, hgvs, big rigs, 18 wheelers, "
            "semi trailers, heavy vehicle, heavy truck, heavy goods vehicles, tractor trailers, lorries, "
            "tanker, tanker truck, transport truck, haulage truck, road train, delivery truck, "
            "garbage truck, truk, trk, trucker, truckers, wagon train, flatbed, flatbed truck, tow truck, "
            "fire truck, fire engine, logging truck, car transporter, transporter, container truck, "
            "delivery lorry, heavy lorry, heavy trucks, heavy vehicles, heavy goods vehicle, lgv, "
            "goods vehicle, tipper, tipper truck, dumper, concrete mixer, moving truck, removal lorry, "
            "box lorry, tankers, artics, semi trucks, eighteen wheelers, freightliner, trailer, trailers, "
            "lorry driver, lorry drivers, truck driver, truck drivers, long haul truck, pickup trucks, trks"
        ),
        "car": (
            "automobile, guy, vehicles, drivers, cars, van, vans, taxi, taxis, cab, limousine, estate car, "
            "jeep, sports car, compact car, police car, delivery van, auto, autos, automobiles, "
            "automobilist, motorist, motorists, hatchback, suv, suvs, guys, people, person, saloon, "
            "minivan, bloke, chap, dude, fellow, someone driving, lad, neighbour, road user, road users, "
            "participant, participants, traffic participant, sedans, saloons, veh, pickup, coupe, cabrio, "
            "convertible, station wagon, wagon, estate, ute, mpv, crossover, roadster, passenger car, "
            "passenger cars, passenger vehicle, private car, ev, electric car, rental car, company car, "
            "beetle, mini, camper, camper van, minibus, police cruiser, ambulance, folks, drivers of cars"
        ),
    },
    "other": {
        ANY: "other, others, another, surrounding",
    },
    "none": {
        ANY: (
            "none, nothing, nil, absent, not present, is not there, are not there, not there, is missing, "
            "does not occur, does not happen, do not occur, do not happen, no such, n/a, nowhere, "
            "not allowed, forbidden, not wanted, is out of question, gone, not to happen, must not happen, "
            "may not happen, should not happen, excluded, out of question, prohibited, disallowed, "
            "ruled out, is ruled out, are ruled out, are excluded, is excluded, are not allowed, "
            "is not allowed, are forbidden, is forbidden, unwanted, undesired, not desired, not needed, x"
        ),
    },
    "vacant": {
        ANY: (
            "empty, free, vacant, clear of cars, clear of traffic, clear of vehicles, unoccupied, open, "
            "has nobody in it, has no one in it, free of cars, free of traffic, free of vehicles, "
            "is all ours"
        ),
    },
    "does": {
        ANY: "does, do, did, does so, do so, does likewise, do likewise, does too, does same, does it",
    },
    "also": {
        ANY: (
            "too, also, as well, aswell, likewise, either, so do, so does, similarly, ditto, same for, "
            "same goes for, as do, as does"
        ),
    },
    "both": {
        ANY: "both, both of them, both of which, each of them, two of them both",
    },
    "scrap": {
        ANY: (
            "i mean, i meant, sorry, rather, or rather, no wait, make that, correction, scratch that, "
            "well no, actually no"
        ),
    },
    "rel": {
        ANY: "which, who, that is, whom, driven by, steered by, operated by, piloted by, with at wheel",
    },
    "label": {
        ANY: ":",
    },
    "only": {
        ANY: "only",
    },
    "them": {
        ANY: "them, they, those, these, in number",
    },
    "noise": {
        ANY: (
            "or so, or thereabouts, give or take, or something, or anything, or whatever, i love to see, "
            "i love, we want to see, i would love to see, i would love, in total, in all, altogether, "
            "halfway mark, fails to react, does not react, fails to notice, does not notice, cannot react, "
            "reacts too late, right after, afternoon light, morning light, we see, we can see, i see, "
            "i want, i wish, i need, i like, i would like, i picture, i imagine, i wanna, i want to see, "
            "i like to see, i have in mind, let me see, let us see, we have, right before, right then, "
            "right now, all right, quick one, clear road, clear road ahead, clear road ahead of us, "
            "in any case, at least, at most, by way, right hand drive, you know, test car, light up, "
            "i think, i guess, as you can see, car park, what happens if, i would like to see, "
            "i need to see, i need you, i want you, at same time, road works, time being, in right, "
            "one after other, one another, light of, gentle one, wild one, calm one, gets slower, "
            "get slower, getting slower, becomes slower, slower and slower, grows slower, nothing but, "
            "no problem, no matter, no idea, no doubt, no wonder, no rush, no hurry, no wind, no idea why, "
            "without warning, with no warning, without indicating, without signalling, without signaling, "
            "without looking, without blinker, no indicator, no signal, no blinker, without any warning, "
            "without hesitation, for no reason, out of nowhere, out of blue, light :, lighting :, "
            "lighting, light conditions :, nothing special, nothing else, nothing happens, "
            "nothing unusual, nothing more, nothing fancy, as usual nothing, not much, not sure, "
            "if not too much trouble, not necessarily"
        ),
    },
    "there": {
        ANY: "there is, there are, there will be, there was, there comes",
    },
    "neither": {
        ANY: "neither, neither does, neither do",
    },
    "group": {
        ANY: (
            "everyone, everybody, all of them, all others, everyone else, everybody else, others, "
            "rest of traffic, all cars, other traffic, surrounding traffic, surrounding cars, "
            "rest of cars, rest of them, every car, every driver, each car, each driver, all vehicles, "
            "all drivers, every vehicle, every other car, every other driver, all other cars, "
            "all other vehicles, all other drivers, other road users, remaining cars, cars around us, "
            "oncoming vehicles, all traffic, traffic around us, surrounding vehicles, surrounding drivers"
        ),
    },
    "named": {
        "follower": (
            "trailing car, trailing vehicle, trailing driver, car that follows, pursuing car, tailing car"
        ),
        "lead": "preceding car, preceding vehicle, car that leads, front car, front vehicle",
        "left": "left hand car, left hand vehicle",
        "right": "right hand car, right hand vehicle",
    },
    "placed": {
        "far+lead": (
            "far ahead, far ahead of us, far in front, far in front of us, far in front of it, "
            "far up front, far up ahead, way ahead, way ahead of us, way in front, way in front of us, "
            "way in front of it, way up front, well ahead, well ahead of us, well in front, "
            "well in front of us, well in front of it, well up front, well up ahead, long way ahead, "
            "long way ahead of us, long way in front, long way in front of us, long way in front of it, "
            "long way up front, long way up ahead, good way ahead, good way ahead of us, "
            "good way in front, good way in front of us, good way in front of it, good way up front, "
            "good way up ahead, miles ahead, miles ahead of us, miles in front, miles in front of us, "
            "miles in front of it, miles up front, miles up ahead, far off ahead, far off ahead of us, "
            "far off in front, far off in front of us, far off in front of it, far off up front, "
            "far off up ahead, far away ahead, far away ahead of us, far away in front, "
            "far away in front of us, far away in front of it, far away up front, far away up ahead, "
            "a long way ahead, a long way ahead of us, a long way in front, a long way in front of us, "
            "a long way in front of it, a long way up front, a long way up ahead, quite far ahead, "
            "quite far ahead of us, quite far in front, quite far in front of us, "
            "quite far in front of it, quite far up front, quite far up ahead, some way ahead, "
            "some way ahead of us, some way in front, some way in front of us, some way in front of it, "
            "some way up front, some way up ahead"
        ),
        "far+follower": (
            "far behind, far behind us, far back, far at back, far behind it, far in rear, way behind, "
            "way behind us, way back, way at back, way behind it, way in rear, well behind, "
            "well behind us, well back, well at back, well behind it, well in rear, long way behind, "
            "long way behind us, long way back, long way at back, long way behind it, long way in rear, "
            "good way behind, good way behind us, good way back, good way at back, good way behind it, "
            "good way in rear, miles behind, miles behind us, miles back, miles at back, miles behind it, "
            "miles in rear, far off behind, far off behind us, far off back, far off at back, "
            "far off behind it, far off in rear, far away behind, far away behind us, far away back, "
            "far away at back, far away behind it, far away in rear, a long way behind, "
            "a long way behind us, a long way back, a long way at back, a long way behind it, "
            "a long way in rear, quite far behind, quite far behind us, quite far back, quite far at back, "
            "quite far behind it, quite far in rear, some way behind, some way behind us, some way back, "
            "some way at back, some way behind it, some way in rear"
        ),
        "near+lead": (
            "just ahead, just ahead of us, just in front, just in front of us, just in front of it, "
            "just up front, just up ahead, right ahead, right ahead of us, right in front, "
            "right in front of us, right in front of it, right up front, right up ahead, close ahead, "
            "close ahead of us, close in front, close in front of us, close in front of it, "
            "close up front, close up ahead, immediately ahead, immediately ahead of us, "
            "immediately in front, immediately in front of us, immediately in front of it, "
            "immediately up front, immediately up ahead, directly ahead, directly ahead of us, "
            "directly in front, directly in front of us, directly in front of it, directly up front, "
            "directly up ahead, closely ahead, closely ahead of us, closely in front, "
            "closely in front of us, closely in front of it, closely up front, closely up ahead, "
            "shortly ahead, shortly ahead of us, shortly in front, shortly in front of us, "
            "shortly in front of it, shortly up front, shortly up ahead, close up ahead of us, "
            "close up in front, close up in front of us, close up in front of it, close up up front, "
            "close up up ahead, very close ahead, very close ahead of us, very close in front, "
            "very close in front of us, very close in front of it, very close up front, "
            "very close up ahead, hard ahead, hard ahead of us, hard in front, hard in front of us, "
            "hard in front of it, hard up front, hard up ahead, short way ahead, short way ahead of us, "
            "short way in front, short way in front of us, short way in front of it, short way up front, "
            "short way up ahead, close in ahead, close in ahead of us, close in in front, "
            "close in in front of us, close in in front of it, close in up front, close in up ahead"
        ),
        "near+follower": (
            "just behind, just behind us, just at back, just behind it, just in rear, right behind, "
            "right behind us, right at back, right behind it, right in rear, close behind, "
            "close behind us, close back, close at back, close behind it, close in rear, "
            "immediately behind, immediately behind us, immediately back, immediately at back, "
            "immediately behind it, immediately in rear, directly behind, directly behind us, "
            "directly back, directly at back, directly behind it, directly in rear, closely behind, "
            "closely behind us, closely back, closely at back, closely behind it, closely in rear, "
            "shortly behind, shortly behind us, shortly back, shortly at back, shortly behind it, "
            "shortly in rear, close up behind, close up behind us, close up back, close up at back, "
            "close up behind it, close up in rear, very close behind, very close behind us, "
            "very close back, very close at back, very close behind it, very close in rear, hard behind, "
            "hard behind us, hard back, hard at back, hard behind it, hard in rear, short way behind, "
            "short way behind us, short way back, short way at back, short way behind it, "
            "short way in rear, close in behind, close in behind us, close in back, close in at back, "
            "close in behind it, close in in rear, tailgated by, being tailgated by, "
            "am being tailgated by, are being tailgated by, are tailgated by, am tailgated by, "
            "on our tail, right on our tail, close on our tail, tailgating us, tailgates us, tailgate us, "
            "breathing down our neck, hugging our bumper, riding our bumper, right on our bumper, "
            "hard on our tail, sitting on our tail, sits on our tail, sitting on our bumper, "
            "sits on our bumper, hanging on our tail, stuck to our tail, glued to our tail, "
            "hot on our tail, up our tail, in our boot, in our trunk, hot on our heels, on our bumper, "
            "right up our back, glued to our bumper, stuck to our bumper, hard on our heels, "
            "right at our back"
        ),
    },
    "pattern": {
        "lead": (
            "{kind} up ahead, {kind} before us, {kind} preceding us, front {kind}, preceding {kind}, "
            "{kind} in front, {kind} that is ahead, {kind} that is in front, {kind} leading us, "
            "{kind} directly in front of us, {kind} that is ahead of us, {kind} that is in front of us"
        ),
        "follower": (
            "{kind} following us, {kind} tailing us, {kind} trailing us, {kind} that follows us, "
            "trailing {kind}, tailing {kind}, pursuing {kind}, {kind} at the back, {kind} in the rear, "
            "{kind} chasing us, {kind} to our rear, {kind} that is behind us, {kind} that is behind, "
            "{kind} bringing up the rear, {kind} in our mirror, {kind} that is following us, "
            "{kind} coming up behind us, {kind} coming up behind, {kind} driving behind us"
        ),
        "left": (
            "left hand {kind}, left side {kind}, left lane {kind}, {kind} to our left, {kind} on the left, "
            "{kind} on my left, {kind} to my left, {kind} left of us, {kind} that is on our left, "
            "{kind} that is to our left, {kind} in the lane to our left"
        ),
        "right": (
            "right hand {kind}, right side {kind}, right lane {kind}, {kind} to our right, "
            "{kind} on the right, {kind} on my right, {kind} to my right, {kind} right of us, "
            "{kind} that is on our right, {kind} that is to our right, {kind} in the lane to our right"
        ),
        "cut-in": (
            "{kind} cutting us off, {kind} that cuts us off, cutting in {kind}, {kind} that cuts in on us"
        ),
    },
    "passive": {
        ANY: (
            "followed by, is followed by, are followed by, am followed by, being followed by, "
            "is being followed by, are being followed by, am being followed by, pursued by, "
            "are pursued by, chased by, are chased by, being chased by, are being chased by, trailed by, "
            "hounded by, with behind us"
        ),
    },
    "except": {
        ANY: "except, except for, apart from, save for, other than, but for, aside from",
    },
    "role": {
        "lead": (
            "ahead, in front of us, in front, ahead of us, directly ahead, in front of me, ahead of me, "
            "leader, right ahead, i behind, we behind, i am behind, we are behind, stuck behind, "
            "sitting behind, queueing behind, queuing behind, crawling behind, we drive behind, "
            "driving behind, our car is behind, ego is behind, trapped behind, caught behind, "
            "waiting behind, lead, the lead, lead one, up front, up ahead, ahead of ego, before us, "
            "in our lane ahead, leading one, preceding one, one ahead, one in front, out in front, "
            "further up road, that precedes us, preceding us, leads us, in front of ours, in our path, "
            "blocking our lane, to our front, forward of us, front one"
        ),
        "follower": (
            "behind, behind us, behind me, at our back, follower, in the rear, tailing us, follows us, "
            "is following us, follow us, drives behind us, comes up behind us, comes up behind, "
            "trailing us, at rear, rear, rear one, back of us, in back of us, at back, at our rear, "
            "in rearview, in rear view mirror, in mirror, in our mirror, in rear mirror, bringing up rear, "
            "coming from behind, approaching from behind, from behind, that follows us, "
            "that is following us, in our rear, follower's, the follower, following one, one behind, "
            "one behind us, following us, hounding us, chasing us, behind ours, behind ego, to our rear, "
            "at our backs, up our back"
        ),
        "left": (
            "to the left, on our left, in the left lane, in left one, on the left hand side, on the left, "
            "to our left, to my left, from the left, left neighbour, on my left, left one, left lane, l, "
            "left of us, to left of us, left side, on left side, at our left, left hand side, left hand, "
            "in left hand lane, on left lane, our left, on left of us, left handed, one on left, "
            "one to left, one on our left, left hand one, lane to our left, lane on our left, "
            "adjacent left, on left flank, lh, 's left"
        ),
        "right": (
            "to the right, on our right, in the right lane, in right one, on the right hand side, "
            "on the right, to our right, to my right, from the right, right neighbour, on my right, "
            "right one, right lane, r, right of us, to right of us, right side, on right side, "
            "at our right, right hand side, right hand, in right hand lane, on right lane, our right, "
            "on right of us, one on right, one to right, one on our right, right hand one, "
            "lane to our right, lane on our right, adjacent right, on right flank, rh"
        ),
        "cut-in": "that cuts in, intruder, one that cuts in, one cutting in, cutter in, cut in one",
        "left+right": (
            "both neighbours, both neighbors, our neighbours, our neighbors, neighbours on both sides, "
            "each side of us, both sides of us, on each side, on both sides, on either side, "
            "to both sides, each side, both sides, at each side, on our left and right, "
            "left and right of us, to our left and right"
        ),
        "lead+follower": (
            "ahead and behind, in front and behind, ahead of us and behind us, "
            "in front of us and behind us, in front and in back, front and back"
        ),
    },
}
