package import Base
import ImageCache
import Linux
package import Packing

/// Runs the steps of one stage, and takes from the cache what it can.
///
/// With a store each step's changes are the upper directory of an overlay, and a step whose result is kept is not even
/// mounted. Without a store, and from the first step on whose result cannot be kept, all steps work on one directory.
package final class StageEngine {
    private let workspace: Workspace
    private let path: String
    private var kept: [KeptStep] = []
    private var open: OpenLayer?
    private var count = 0
    /// Whether the result of the last step has a name, by which that of the next can be found.
    private var isNamed: Bool
    private var lastRan = false
    private var notes: [StepNote: [UInt8]] = [:]

    /// - Parameter path: an empty directory of the host, where the root file system is seen.
    package init(_ workspace: Workspace, at path: String) {
        (self.workspace, self.path) = (workspace, path)
        isNamed = workspace.store != nil
    }

    /// The name of the whole result up to now; nil when it is not kept.
    package var identity: String? { isNamed ? kept.last?.record.instance : nil }

    /// When the last step ended whose result is used, in seconds since 1970; nil when results are not kept. An image that is
    /// made of kept results names this time, so that it is the same whenever it is packed.
    package var time: Int64? { isNamed ? kept.last?.record.time : nil }

    /// Returns what steps left for later ones.
    package func note(_ name: StepNote) -> [UInt8]? { notes[name] }

    /// Starts from the result of another stage. Must come before any step.
    ///
    /// - Returns: false when that one is not kept: its files have to be copied.
    package func begin(from other: StageEngine) -> Bool {
        guard workspace.store != nil, other.isNamed, count == 0 else { return false }
        (kept, notes, count, lastRan) = (other.kept, other.notes, other.count, other.lastRan)
        return true
    }

    package func run(_ steps: [BuildStep]) throws(SkiffError) { for step in steps { try run(step) } }

    package func run(_ step: BuildStep) throws(SkiffError) {
        count += 1
        guard let store = workspace.store else { return try perform(step) }
        guard isNamed else {
            workspace.report.tell(step, .never("a step before it is not kept"))
            return try perform(step)
        }
        switch step.input {
        case .unknown(let why):
            workspace.report.tell(step, .never(why))
            isNamed = false
            try perform(step)
        case .facts(let facts): try run(step, name(step, facts), store)
        case .outcome:
            workspace.report.tell(step, .never("a script on the host may do anything"))
            try perform(step)
            let name = name(step, [StepFact("what it made", try outcome())])
            if !workspace.replaces, let found = store.find(try name.key) {
                // The same files with older times: what is built on them stays good.
                try discard()
                return take(found, ran: false)
            }
            try close(name, store)
        }
    }

    private func run(_ step: BuildStep, _ name: ResultName, _ store: StepStore) throws(SkiffError) {
        if !workspace.replaces, let found = store.find(try name.key) {
            workspace.report.tell(step, .kept(found.record.time))
            return take(found, ran: false)
        }
        workspace.report.tell(
            step, workspace.replaces ? .asked : lastRan ? .parentRan : CacheReport.miss(name, in: store))
        try perform(step)
        try close(name, store)
    }

    /// Changes the result further, without keeping that: used for what the definition says about the image.
    package func finish(_ body: (RootTree) throws(SkiffError) -> Void) throws(SkiffError) { try body(try writable()) }

    /// Returns the complete root file system, which nothing changes any more.
    package func sealed() throws(SkiffError) -> RootTree {
        guard workspace.store != nil else { return try RootTree(path) }
        // One directory alone is no overlay: an empty one below it changes nothing.
        let bottom = try writableLayer()
        bottom.close()
        let layers = [bottom.empty.raw] + kept.map(\.descriptor) + [bottom.upper.raw]
        try during("cannot mount the finished root file system at \(path)") { () throws(Errno) in
            try workspace.mount.mount(layers, changes: nil, at: path)
        }
        return try RootTree(path)
    }

    /// Has the results reach the disk.
    package func synchronize() { workspace.store?.synchronize(kept) }

    // MARK: - One step

    private func name(_ step: BuildStep, _ facts: [StepFact]) -> ResultName {
        ResultName(
            title: "\(count) \(step.name)", parent: kept.last?.record.instance ?? "",
            facts: workspace.conditions + facts)
    }

    private func perform(_ step: BuildStep) throws(SkiffError) {
        var context = StepContext(root: try writable(), notes: notes)
        try step.run(&context)
        notes = context.notes
    }

    private func take(_ step: KeptStep, ran: Bool) {
        kept.append(step)
        notes = [:]
        for (name, value) in step.notes { if let name = StepNote(rawValue: name) { notes[name] = value } }
        lastRan = ran
    }

    /// Keeps the changes of the open layer as a result.
    private func close(_ name: ResultName, _ store: StepStore) throws(SkiffError) {
        guard let layer = open else { return }
        layer.close()
        open = nil
        let size = TreeSize(of: layer.upper.raw).allocated
        let record = StepRecord(
            title: name.title, parent: name.parent, instance: try StepStore.newInstance(), facts: name.facts,
            time: currentTime(), size: size)
        let kept = Dictionary(uniqueKeysWithValues: notes.map { ($0.key.rawValue, $0.value) })
        let result = try store.keep(
            layer.folder, as: try name.key, record, notes: kept, replaces: workspace.replaces)
        take(result, ran: true)
    }

    private func discard() throws(SkiffError) {
        open?.close()
        if let open { try? removeTree(open.folder) }
        open = nil
    }

    private func outcome() throws(SkiffError) -> String {
        guard let open else { return "" }
        return try TreeDigest.everything(below: open.upper.raw)
    }

    // MARK: - The open layer

    private func writable() throws(SkiffError) -> RootTree {
        guard workspace.store != nil else {
            if let plain { return plain }
            let root = try RootTree(path)
            plain = root
            return root
        }
        return try writableLayer().rootTree(at: path)
    }

    private var plain: RootTree?

    private func writableLayer() throws(SkiffError) -> OpenLayer {
        if let open { return open }
        guard kept.count < LayerMount.mostLayers else {
            throw SkiffError(
                "cannot keep more than \(LayerMount.mostLayers) steps of one stage",
                hint: "Join some, or build with --disable-cache")
        }
        let layer = try OpenLayer(try workspace.beginLayer(), below: kept.last?.descriptor)
        let lowers = kept.isEmpty ? [layer.empty.raw] : kept.map(\.descriptor)
        try during("cannot mount the root file system at \(path)") { () throws(Errno) in
            try workspace.mount.mount(lowers, changes: (layer.upper.raw, layer.work.raw), at: path)
        }
        layer.mountPoint = path
        open = layer
        return layer
    }
}

/// What a result depends on, and the name that it gets from that.
struct ResultName {
    /// The number of the step in its stage, and what it is called.
    let title: String
    let parent: String
    let facts: [StepFact]

    var key: String {
        get throws(SkiffError) { try StepStore.key(title: title, parent: parent, facts: facts) }
    }
}
