import Base
import Core
import ImageCache
import Packing

/// A stage that is done, and what names it.
struct StageResult {
    let stage: BuiltStage
    let engine: StageEngine
    /// The stage as the definition has it.
    let source: Stage
    /// Of the kept result and of what the definition tells it about itself; nil when it is not kept.
    let identity: String?

    init(stage: BuiltStage, engine: StageEngine, source: Stage) throws(SkiffError) {
        self.stage = stage
        self.engine = engine
        self.source = source
        identity =
            if let result = engine.identity, let time = engine.time {
                try StepStore.digest([result, String(time)] + source.texts)
            } else {
                nil
            }
    }

    /// How a SIF of this stage begins. From kept results it is the same file whenever it is packed: its UUID comes from
    /// them, and its time is theirs.
    var creation: SIFCreation {
        var creation = SIFCreation()
        creation.isDeterministic = stage.time != nil
        guard let identity, let time = engine.time else { return creation }
        creation.time = time
        let high = UInt64(identity.prefix(16), radix: 16) ?? 0
        let low = UInt64(identity.dropFirst(16).prefix(16), radix: 16) ?? 0
        // Version 8, "custom", and the variant of RFC 9562 §5.8.
        creation.identifier = SIFIdentifier(
            high: high & ~0xF000 | 0x8000, low: low & ~(0b11 << 62) | (0b10 << 62))
        return creation
    }
}

extension Stage {
    /// All that it says, always in the same order.
    fileprivate var texts: [String] {
        var texts = header.flatMap { [$0.key, $0.value] } + labels.flatMap { [$0.key, $0.value] }
        for section in SectionName.allCases {
            texts += [section.rawValue, scripts[section]?.arguments ?? "", scripts[section]?.body.text ?? ""]
        }
        return texts + apps.map(\.name)
    }
}
