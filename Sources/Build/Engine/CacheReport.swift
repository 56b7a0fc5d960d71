import Base
import ImageCache
import Packing

/// Tells for each step whether it ran, and with `--explain-cache` why.
struct CacheReport {
    let explains: Bool

    enum Reason {
        case kept(Int64)
        case nothingKept, asked, parentRan
        case changed([String])
        case never(String)

        var text: String {
            switch self {
            case .kept(let time): "its result of \(BuildTime(seconds: time).timestamp) is used"
            case .nothingKept: "runs: nothing like it is kept"
            case .asked: "runs: --no-cache"
            case .parentRan: "runs: a step before it ran"
            case .changed(let names): "runs: \(names.joined(separator: " and ")) changed"
            case .never(let why): "runs: \(why)"
            }
        }
    }

    func tell(_ step: BuildStep, _ reason: Reason) {
        if explains { return Log.info("Cache: \(step.label): \(reason.text)") }
        if case .kept = reason { Log.info("Using the kept result of \(step.label)") }
    }

    /// Returns why a step was not found: in what it differs from what is kept in its place.
    static func miss(_ name: ResultName, in store: StepStore) -> Reason {
        let inPlace = store.all().last { $0.record.title == name.title && $0.record.parent == name.parent }
        guard let old = inPlace?.record.facts else { return .nothingKept }
        let names = name.facts.filter { !old.contains($0) }.map(\.name)
        return .changed(names.isEmpty ? ["what it depends on"] : names)
    }
}
