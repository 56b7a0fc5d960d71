package import Base

/// What the user is told about a plan: `--explain` shows it, and a launch prints it once.
package struct PlanMessage: Sendable, Equatable {
    package var level: Log.Level
    package var text: String

    package init(level: Log.Level, text: String) { (self.level, self.text) = (level, text) }

    package static func warning(_ text: String) -> PlanMessage { PlanMessage(level: .warning, text: text) }
    package static func info(_ text: String) -> PlanMessage { PlanMessage(level: .info, text: text) }
    package static func verbose(_ text: String) -> PlanMessage { PlanMessage(level: .verbose, text: text) }

    func report() {
        switch level {
        case .info: Log.info(text)
        case .verbose: Log.verbose(text)
        default: Log.warning(text)
        }
    }
}

extension Plan {
    /// Everything that the user is told, in the order in which a launch prints it.
    var allMessages: [PlanMessage] { messages + environment.messages }

    /// Prints the messages of the plan.
    package func report() {
        for message in allMessages { message.report() }
        Log.verbose("Starting \(image.path), \(imageText); \(processText)")
        if Log.level >= Log.Level.debug.rawValue { logSections() }
    }
}
