import type { Kind } from './character.ts'

const words = (text: string): readonly string[] => text.trim().split(/\s+/)

/** Say nothing about a body, an age or an origin: they stand before anybody's name. */
export const MOODS = words(`
  airy alpine amber ample apt arctic ardent autumn balmy bold bonny brave breezy bright brisk bubbly calm candid
  canny cheery chipper civic clear clever cloudy comet cosmic cosy crafty crisp curious daily dandy dapper daring dawn deft dewy
  dreamy drifty dusky eager early earnest easy echo epic fabled fair famed fancy feisty fervent festive
  fine fleet floaty fluent fond frank free fresh frosty gallant gentle giddy gifted glad gleeful glossy golden
  grand hale handy happy hardy hasty hearty helpful hidden honest hopeful humble hushed ideal jaunty jazzy jolly jovial joyful
  keen kind kindly leafy light lilting lively local lofty loyal lucid lucky lunar lush lyric magic mellow merry mighty
  mindful mirthy misty mobile modest moonlit mossy mossland musing mystic natty neat nifty nimble noble nomad novel
  olden open opal orderly oceanic patient peppy perky placid playful plucky polar polite prime proud prompt
  quaint quick quiet quirky radiant rainy rapid rare ready regal restful rhythmic ripe rising roaming robust rustic
  sage sandy savvy secret serene shiny silent silken simple skilled sleek sleepy smart smooth snappy snowy snug social solar
  solid sonic sparkly spirited spring sprightly spry stellar steady stormy sturdy subtle summer sunlit sunny sure swift
  tender tidal tidy timely tranquil trusty twilit upbeat urban valiant velvet vernal vivid vocal wakeful wandering warm wavy
  welcome whimsy wild windy winsome wintry wise witty wondrous woodsy zany zealous zesty zippy
`)

/** By the name the lens gives a colour. */
export const COLOUR_WORDS: Readonly<Record<string, readonly string[]>> = {
  red: words('scarlet crimson ruby cherry garnet poppy russet rowan coral redwood'),
  orange: words('apricot tangerine papaya saffron copper ember marigold pumpkin clementine sunset'),
  yellow: words('lemon citrine canary maize mustard daffodil sunny honey buttercup topaz'),
  green: words('jade emerald mossy fern olive minty basil leafy clover pine'),
  teal: words('teal lagoon turquoise seafoam reef marine'),
  cyan: words('cyan lagoon turquoise aqua glacier ripple'),
  blue: words('azure cobalt indigo sapphire denim navy cerulean bluebell harbor lapis'),
  purple: words('violet plum lilac lavender amethyst mauve heather thistle iris mulberry'),
  violet: words('violet plum lilac lavender amethyst mauve heather thistle iris mulberry'),
  pink: words('rosy blossom peony fuchsia flamingo magnolia petal sorbet camellia quartz'),
  magenta: words('magenta fuchsia orchid peony cerise dahlia'),
  brown: words('cocoa hazel walnut maple cedar chestnut acorn toffee mocha cinnamon'),
  black: words('onyx inky midnight raven obsidian sable nightly jet'),
  white: words('snowy pearl chalk frosty alabaster ivory feather milky'),
  grey: words('silver slate pebble ashen pewter flint foggy granite'),
  gray: words('silver slate pebble ashen pewter flint foggy granite'),
}

/** On a person these colours may be skin or hair, which a name does not speak of. */
export const COLOURS_UNSAID_OF_PEOPLE: ReadonlySet<string> = new Set(['black', 'white', 'brown', 'grey', 'gray', 'yellow', 'orange', 'pink'])

/** First halves of made-up nouns. */
export const STEMS = words(`
  ash bay birch bloom bramble brook bud cedar cliff cloud clover cove dale dawn dew drift dune elm fen fern field fig flint
  fog fox frost gale glen glow grain grove hail haze heath hill holly ivy juniper kelp lake lark leaf lily linden maple marsh
  meadow mint mist moon moss nettle oak oat olive path pear pebble pepper pine plum pond poppy quill rain reed ridge river
  robin root rose rush sage sand sea seed shell sky snow song spark spruce star stone storm sun thistle thyme tide vale
  willow wind wren
`)

/** Second halves: what is done or worn, so that the kind is hinted at and nothing is claimed. */
export const ENDINGS: Readonly<Record<Kind, readonly string[]>> = {
  person: words('walker rider singer weaver dancer dreamer finder keeper maker reader rover sailor seeker runner teller writer farer smith wright friend'),
  animal: words('paw tail whisker fur claw snout mane feather scamper prowl wag pounce burrow hoof bounce purr nuzzle trot wing romp'),
  cartoon: words('doodle toon sketch hop zing pop bop wiggle giggle scribble wobble boing zip dash bounce pixel swoosh spin twirl jig'),
  object: words('works box gear craft ware lamp bell knot wheel charm token clasp kit loom mark button prop tag widget top'),
}

/** Whole nouns, each at least as much a wink as a word for the thing. */
export const NOUNS: Readonly<Record<Kind, readonly string[]>> = {
  person: words(`
    actor artist author baker bard captain courier dancer drummer explorer gardener guide herald juggler lead minstrel muse
    navigator neighbor nomad painter pathfinder pilgrim pilot pioneer player poet ranger rider rover sailor scholar scout sculptor singer
    star storyteller swimmer tailor traveler troubadour voyager wanderer weaver witness wizard
  `),
  animal: words(`
    otter badger beaver bunny finch fox gecko hare hedgehog heron ibis jay kestrel koala lemur lynx magpie marmot marten meerkat mole
    newt ocelot osprey owl panda pika puffin quail quokka raven robin seal sparrow stoat swift tapir tern vole wombat wren yak
  `),
  cartoon: words(`
    bandit biscuit bobbin bubble bumble comet crumble dabble doodle dumpling fizz flapjack gadget giggle gizmo goblin imp jelly jester
    jingle muffin nibble noodle pancake pepper pickle pixie pogo puddle quibble rascal rocket scribble skipper sprite sprocket tangle
    tumble twinkle waffle whiz widget wiggle ziggy
  `),
  object: words(`
    anchor beacon bobbin bottle buckle button cabinet candle carafe chime compass cup dial drum easel flask gadget gizmo goblet hinge jar kettle
    keepsake kite lantern locket marble medal mug parcel pennant prism puzzle relic ribbon sail satchel spindle spoon teapot thimble tile
    token trinket trophy vase whistle
  `),
}
