import Base

extension Grammar {
    /// Returns a line for each flag and command of a plugin whose name or letter belongs to skiff, or to a plugin that comes
    /// earlier: it is never used.
    package func conflicts() -> [String] {
        let all = plugins.grammar(for: .everything)
        var lines: [String] = []
        func tell(_ what: String, of plugin: String, _ owner: String) {
            let line = "\(what) of the plugin \(plugin) is not used: \(owner) has it, too"
            if !lines.contains(line) { lines.append(line) }
        }
        for (index, flag) in all.flags.enumerated() {
            for path in flag.commands {
                let own = (Table.command(path)?.flags ?? []) + [Table.help(path)]
                let earlier = all.flags[..<index].filter { $0.commands.contains(path) && $0.plugin != flag.plugin }
                if own.contains(where: { $0.long == flag.name }) {
                    tell("--\(flag.name)", of: flag.plugin, "skiff")
                } else if let other = earlier.first(where: { $0.name == flag.name }) {
                    tell("--\(flag.name)", of: flag.plugin, other.plugin)
                } else if let letter = flag.short {
                    if own.contains(where: { UInt32($0.short) == letter.value }) {
                        tell("-\(letter)", of: flag.plugin, "skiff")
                    } else if let other = earlier.first(where: { $0.short == letter }) {
                        tell("-\(letter)", of: flag.plugin, other.plugin)
                    }
                }
            }
        }
        for (index, command) in all.commands.enumerated() {
            if Table.command(command.name) != nil {
                tell("The command \(command.name)", of: command.plugin, "skiff")
            } else if let other = all.commands[..<index].first(where: { $0.name == command.name }) {
                tell("The command \(command.name)", of: command.plugin, other.plugin)
            }
        }
        return lines
    }
}
