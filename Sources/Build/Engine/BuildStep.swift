package import Base
package import ImageCache
package import Packing

/// One step of building a root file system: what it does, and what its result depends on. Definition files and
/// Dockerfiles are lists of such steps.
package struct BuildStep {
    /// What a result depends on, besides what the steps before it made.
    package enum Input {
        /// All of it is known before the step runs; a change of any of these makes it run again.
        case facts([StepFact])
        /// Unknown, as for a script on the host: the step always runs, and its result tells whether the next steps must.
        case outcome
        /// The result is never kept, and neither are those after it. The text says why: `binds may show it anything`.
        case unknown(String)
    }

    /// The step as the user knows it: `%post`, `RUN`.
    package let name: String
    /// `image.def:12`; empty for a step that no line asks for.
    package let place: String
    package let input: Input
    private let action: (inout StepContext) throws(SkiffError) -> Void

    package init(
        _ name: String, place: String = "", input: Input,
        run: @escaping (inout StepContext) throws(SkiffError) -> Void
    ) {
        (self.name, self.place, self.input, action) = (name, place, input, run)
    }

    package func run(_ context: inout StepContext) throws(SkiffError) { try action(&context) }

    /// The step in messages.
    var label: String { place.isEmpty ? name : "\(name) (\(place))" }
}

/// What a step is given, and what it leaves to those after it.
package struct StepContext {
    /// The root file system as the steps before left it, writable.
    package let root: RootTree
    /// Small values for later steps; they are kept with the result.
    package var notes: [StepNote: [UInt8]]
}

/// What a step leaves to those after it, by the name under which it is kept.
package enum StepNote: String, Sendable {
    /// What the base of the image brought along.
    case base
    /// What the image of a `FROM` brought along.
    case from
    /// The state of the shell after a part of `%post`.
    case shell
}
