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

    /// Called where skiff itself has changed the process since, as in the child.
    /// - Parameter ownsChildren: whether it has no children yet.
    func renew(ownsChildren: Bool) throws(SkiffError) {
        if ownsChildren { hasHelpers = false }
        state = try Self.read(ownsChildren: ownsChildren, descriptors)
    }

    /// Runs a call of a plugin. The program's output, and ours, is for the program and for us.
    func diverting<Result>(_ body: () -> Result) -> Result { state.diverting(body) }

    /// After a call of one plugin.
    func check(_ call: String) throws(SkiffError) {
        let changes = state.restore(everything: deeds != nil, withChildren: !hasHelpers)
        guard deeds != nil else { return try judge(changes, "plugin \(call)") }
        if changes.isEmpty { return }
        deeds?.append(contentsOf: (changes.undone + changes.left).map { "\(call): \($0)" })
        // What is left would be found again after every call.
        state = try Self.read(ownsChildren: true, descriptors)
    }

    /// After all of a group of calls, with what costs too much to be looked at after each.
    func checkAll() throws(SkiffError) {
        if deeds != nil { return }
        let who =
            plugins.count == 1 ? "plugin \(plugins[0])" : "one of the plugins \(plugins.joined(separator: ", "))"
        try judge(state.restore(everything: true, withChildren: !hasHelpers), who)
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
