import Base
import CLinux
import Linux

/// Puts back what plugins do to the process that loads them, and says which one did it. Where something cannot be put back,
/// the command ends: it would reach the container.
final class ProcessCare {
    /// Nil where no container follows.
    nonisolated(unsafe) static var current: ProcessCare?

    private var state: ProcessState
    /// Whether the host itself has started processes, among which those of plugins cannot be told.
    var hasHelpers = false
    private let plugins: [String]
    private let descriptors: [CInt]

    /// What was found, where it is only collected; nil where it is acted upon.
    private(set) var deeds: [String]?

    /// - Parameters:
    ///   - plugins: their ids.
    ///   - descriptors: of skiff, which must stay what they are.
    ///   - collects: whether deeds are only written down, all that can be found after every call.
    init(_ plugins: [String], descriptors: [CInt] = [], collects: Bool = false) throws(SkiffError) {
        (self.plugins, self.descriptors) = (plugins, descriptors)
        deeds = collects ? [] : nil
        state = try Self.read(ownsChildren: true, descriptors)
    }

    private static func read(ownsChildren: Bool, _ descriptors: [CInt]) throws(SkiffError) -> ProcessState {
        try during("cannot remember the state of the process") { () throws(Errno) in
            try ProcessState(ownsChildren: ownsChildren, keeping: descriptors)
        }
    }

    /// Called where skiff itself has changed the process since, as in the child. What a call changed that has failed since the
    /// last look is put back.
    /// - Parameter ownsChildren: whether it has no children yet.
    func renew(ownsChildren: Bool) throws(SkiffError) {
        if isDiverted { _ = changes(everything: true) }
        if ownsChildren { hasHelpers = false }
        state = try Self.read(ownsChildren: ownsChildren, descriptors)
    }

    /// Whether a plugin was called since the last look.
    private var isDiverted = false

    /// Runs a call of a plugin. What it prints to standard output goes to standard error until the next look: the former
    /// is for the program.
    func running<Result>(_ body: () -> Result) -> Result {
        if !isDiverted { state.divert() }
        isDiverted = true
        return body()
    }

    private func changes(everything: Bool) -> ProcessState.Changes {
        if isDiverted { state.endDiversion() }
        isDiverted = false
        return state.restore(everything: everything, withChildren: !hasHelpers)
    }

    /// After one call, where deeds are only collected.
    func collect(_ call: String) throws(SkiffError) {
        if deeds == nil { return }
        let changes = changes(everything: true)
        if changes.isEmpty { return }
        deeds?.append(contentsOf: (changes.undone + changes.left).map { "\(call): \($0)" })
        // What is left would be found again after every call.
        state = try Self.read(ownsChildren: true, descriptors)
    }

    /// After calls of one plugin that follow each other, before anything else is done.
    /// - Parameter calls: what they are together, as `org.example.hello: configure`.
    func look(after calls: String) throws(SkiffError) {
        if deeds == nil, isDiverted { try judge(changes(everything: false), "plugin \(calls)") }
    }

    /// After all calls of a part of the launch, with what costs too much to be looked at more often.
    func lookAtAll() throws(SkiffError) {
        if deeds != nil { return }
        let who =
            plugins.count == 1 ? "plugin \(plugins[0])" : "one of the plugins \(plugins.joined(separator: ", "))"
        try judge(changes(everything: true), who)
    }

    private func judge(_ changes: ProcessState.Changes, _ who: String) throws(SkiffError) {
        if state.isOfOtherProcess {
            report(SkiffError("\(who): it forked, and both processes came back"))
            // The other one finds that it has a child, and ends the command.
            sleep(1)
            _exit(255)
        }
        if changes.isEmpty { return }
        if let deed = changes.left.first { throw SkiffError("\(who): \(deed), which cannot be undone") }
        Log.warning("\(who): \(changes.undone.joined(separator: "; ")): that was undone")
    }
}
