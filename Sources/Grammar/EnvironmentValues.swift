import Base

extension Flag {
    /// Whether the variable `key`, without its prefix, stands for this flag.
    func isSet(by key: String) -> Bool {
        guard !environment.isEmpty else { return false }
        return environment == key || environment.split(separator: " ").contains { $0 == key }
    }
}

extension FlagValues {
    /// Fills in what the command line left open from variables, then from defaults.
    ///
    /// - Throws: when a variable has a value that its flag does not take.
    mutating func fill(_ flags: [Flag], from environment: FlagEnvironment, notes: inout [Invocation.Note])
        throws(SkiffError)
    {
        if !environment.variables.isEmpty {
            for flag in flags where !flag.environment.isEmpty {
                try fill(flag, from: environment, notes: &notes)
            }
        }
        for flag in flags where !flag.defaultText.isEmpty && assignment(flag.long) == nil {
            // A default that its own flag refuses can only come from a manifest.
            do throws(ValueProblem) {
                try add(flag.defaultText, to: flag, from: .defaultValue)
            } catch {
                let source = flag.plugin.isEmpty ? "" : " of plugin \(flag.plugin)"
                throw SkiffError("cannot use the default of --\(flag.long)\(source): \(error.text)")
            }
        }
    }

    private mutating func fill(_ flag: Flag, from environment: FlagEnvironment, notes: inout [Invocation.Note])
        throws(SkiffError)
    {
        let wasGiven = assignment(flag.long) != nil
        for key in flag.environment.split(separator: " ") {
            guard let variable = environment.lookup(String(key), notes: &notes), !isBlank(variable.value) else {
                continue
            }
            if wasGiven && !flag.addsEnvironment { return }
            do throws(ValueProblem) {
                for text in flag.texts(ofVariable: variable.value) {
                    try add(text, to: flag, from: .environment(variable.name))
                }
            } catch {
                throw SkiffError("cannot set --\(flag.long) from the variable \(variable.name): \(error.text)")
            }
            if !flag.addsEnvironment { return }
        }
    }
}

extension Flag {
    /// Returns a variable's value as the texts that could have been typed.
    fileprivate func texts(ofVariable value: String) -> [String] {
        switch kind {
        case .slice: [withoutSpacesAtCommas(value)]
        case .array: value.split(separator: "\n").map(String.init)
        default: [value]
        }
    }
}

extension GlobalOptions {
    /// Of several level flags the strongest counts: `--debug`, then `--verbose`, `--quiet`, `--silent`.
    init(_ values: FlagValues, _ environment: FlagEnvironment) {
        self.init()
        if values[.debug] {
            messageLevel = 5
        } else if values[.verbose] {
            messageLevel = 4
        } else if values[.quiet] {
            messageLevel = -1
        } else if values[.silent] {
            messageLevel = -3
        } else {
            // Values under 1 have no effect; nonsense has none either.
            messageLevel = max(environment.value("MESSAGELEVEL").flatMap { Int($0) } ?? 1, 1)
        }
        isColorAllowed = !values[.nocolor]
        configurationFile = values[.config]
        buildConfiguration = values[.buildConfig]
    }
}
