import CLinux
import Linux

/// The commands that a script may use.
extension ScriptEvaluator {
    mutating func call(_ builtin: ShellBuiltin, _ arguments: [ShellArgument]) throws(ScriptStop) {
        if builtin == .export { return try export(arguments) }
        var words: [[UInt8]] = []
        for case .word(let word) in arguments { words += try expandFields(word) }
        switch builtin {
        case .colon, .yes: status = 0
        case .no: status = 1
        case .export: break
        case .unset: try unset(words)
        case .test: status = try test(words[...]) ? 0 : 1
        case .bracket:
            guard words.last == [ASCII.closeBracket] else { throw .needsShell(NeedsShell("[ without ]")) }
            status = try test(words.dropLast()) ? 0 : 1
        case .dot, .source:
            // Arguments of a sourced file replace the parameters in some shells only.
            guard words.count == 1 else { throw .needsShell(NeedsShell("arguments of a sourced file")) }
            try source(words[0])
        case .echo: try echo(words)
        case .exit: throw .exited(try code(words))
        case .return: throw .returned(try code(words))
        case .set: try set(words)
        case .shift: try shift(words)
        case .exec:
            guard !words.isEmpty else { throw .needsShell(NeedsShell("exec without a command")) }
            throw .executed(words)
        case .eval: try evaluate(words)
        }
    }

    private mutating func export(_ arguments: [ShellArgument]) throws(ScriptStop) {
        guard !arguments.isEmpty else { throw .needsShell(NeedsShell("export without names")) }
        var result: CInt = 0
        for argument in arguments {
            switch argument {
            case .assignment(let assignment):
                if try !store(assignment.name, expandValue(assignment.value)) { result = 1 }
                variables.export(assignment.name)
            case .word(let word):
                for name in try expandFields(word) {
                    guard ASCII.isName(name) else { throw .needsShell(NeedsShell("export of something else")) }
                    guard !ShellSpecial.isProvided(name) || variables[name] != nil else {
                        throw .needsShell(NeedsShell("a variable of the shell"))
                    }
                    variables.export(name)
                }
            }
        }
        status = result
    }

    private mutating func unset(_ words: [[UInt8]]) throws(ScriptStop) {
        var names = words[...]
        if names.first == Array("-v".utf8) { names = names.dropFirst() }
        var result: CInt = 0
        for name in names {
            guard ASCII.isName(name), !ShellSpecial.isReserved(name) else {
                throw .needsShell(NeedsShell("unset of something else"))
            }
            if variables.isReadOnly(name) {
                complain(name + Array(": readonly variable\n".utf8))
                result = 1
            } else {
                variables.unset(name)
            }
        }
        status = result
    }

    /// Shells agree on `echo` only without options other than `-n` and without backslashes.
    private mutating func echo(_ words: [[UInt8]]) throws(ScriptStop) {
        var rest = words[...]
        var ending: [UInt8] = [ASCII.newline]
        if rest.first == Array("-n".utf8) {
            ending = []
            rest = rest.dropFirst()
        }
        if let first = rest.first, first.first == ASCII.dash, first.count > 1,
            first.dropFirst().allSatisfy({
                $0 == UInt8(ascii: "n") || $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "E")
            })
        {
            throw .needsShell(NeedsShell("option of echo"))
        }
        let text = Array(rest.joined(separator: [0x20]))
        guard !text.contains(ASCII.backslash) else { throw .needsShell(NeedsShell("backslash in echo")) }
        try count(text.count)
        output.append(Output(isError: false, bytes: text + ending))
        status = 0
    }

    private func code(_ words: [[UInt8]]) throws(ScriptStop) -> CInt {
        guard let word = words.first else { return status }
        guard words.count == 1, let number = ScriptEvaluator.decimal(word), (0...255).contains(number) else {
            throw .needsShell(NeedsShell("exit status"))
        }
        return CInt(number)
    }

    private mutating func set(_ words: [[UInt8]]) throws(ScriptStop) {
        guard let first = words.first else { throw .needsShell(NeedsShell("set without arguments")) }
        if first == Array("--".utf8) {
            positional = Array(words.dropFirst())
        } else {
            guard first.first != ASCII.dash, first.first != ASCII.plus else {
                throw .needsShell(NeedsShell("options of set"))
            }
            positional = words
        }
        status = 0
    }

    private mutating func shift(_ words: [[UInt8]]) throws(ScriptStop) {
        var number = 1
        if let word = words.first {
            guard words.count == 1, let given = ScriptEvaluator.decimal(word) else {
                throw .needsShell(NeedsShell("shift"))
            }
            number = given
        }
        guard number >= 0, number <= positional.count else { throw .needsShell(NeedsShell("shift too far")) }
        positional.removeFirst(number)
        status = 0
    }

    private mutating func evaluate(_ words: [[UInt8]]) throws(ScriptStop) {
        let text = Array(words.joined(separator: [0x20]))
        try count(text.count)
        try nest { (evaluator) throws(ScriptStop) in try evaluator.executeBody(try evaluator.parse(text)) }
    }

    // MARK: test

    /// test(1) with up to four arguments, where POSIX says what they mean.
    private func test(_ words: ArraySlice<[UInt8]>) throws(ScriptStop) -> Bool {
        let list = Array(words)
        let bang: [UInt8] = [ASCII.bang]
        switch list.count {
        case 0: return false
        case 1: return !list[0].isEmpty
        case 2:
            if list[0] == bang { return list[1].isEmpty }
            return try unary(list[0], list[1])
        case 3:
            if let result = try binary(list[0], list[1], list[2]) { return result }
            if list[0] == bang { return try !test(list[1...]) }
            throw .needsShell(NeedsShell("test"))
        case 4:
            guard list[0] == bang, list[2] != Array("-a".utf8), list[2] != Array("-o".utf8) else {
                throw .needsShell(NeedsShell("test"))
            }
            return try !test(list[1...])
        default: throw .needsShell(NeedsShell("test"))
        }
    }

    private func unary(_ sign: [UInt8], _ word: [UInt8]) throws(ScriptStop) -> Bool {
        guard sign.count == 2, sign[0] == ASCII.dash else { throw .needsShell(NeedsShell("test")) }
        switch sign[1] {
        case UInt8(ascii: "n"): return !word.isEmpty
        case UInt8(ascii: "z"): return word.isEmpty
        case UInt8(ascii: "e"): return try permits(word, F_OK)
        case UInt8(ascii: "f"): return try found(word)?.isRegular ?? false
        case UInt8(ascii: "d"): return try found(word)?.isDirectory ?? false
        case UInt8(ascii: "s"): return (try found(word)?.size ?? 0) > 0
        case UInt8(ascii: "h"), UInt8(ascii: "L"): return !word.isEmpty && files.isSymlink(word)
        case UInt8(ascii: "r"): return try permits(word, R_OK)
        case UInt8(ascii: "w"): return try permits(word, W_OK)
        case UInt8(ascii: "x"): return try permits(word, X_OK)
        default: throw .needsShell(NeedsShell("test"))
        }
    }

    /// A link to a descriptor, such as /dev/stdin, is never followed by our lookups; a shell inside may.
    private func found(_ path: [UInt8]) throws(ScriptStop) -> FileStatus? {
        guard !path.isEmpty else { return nil }
        do throws(Errno) {
            return try files.status(path)
        } catch {
            if error == .tooManySymlinks { throw .needsShell(NeedsShell("test of a link to a descriptor")) }
            return nil
        }
    }

    private func permits(_ path: [UInt8], _ mode: CInt) throws(ScriptStop) -> Bool {
        if path.isEmpty { return false }
        if files.permits(path, mode) { return true }
        _ = try found(path)
        return false
    }

    private func binary(_ left: [UInt8], _ sign: [UInt8], _ right: [UInt8]) throws(ScriptStop) -> Bool? {
        switch String(decoding: sign, as: UTF8.self) {
        case "=", "==": return left == right
        case "!=": return left != right
        case "-eq": return try numbers(left, right, ==)
        case "-ne": return try numbers(left, right, !=)
        case "-lt": return try numbers(left, right, <)
        case "-le": return try numbers(left, right, <=)
        case "-gt": return try numbers(left, right, >)
        case "-ge": return try numbers(left, right, >=)
        case "-a", "-o", "<", ">", "-nt", "-ot", "-ef", "=~": throw .needsShell(NeedsShell("test"))
        default: return nil
        }
    }

    private func numbers(_ left: [UInt8], _ right: [UInt8], _ compare: (Int, Int) -> Bool) throws(ScriptStop) -> Bool {
        guard let a = ScriptEvaluator.decimal(left), let b = ScriptEvaluator.decimal(right) else {
            throw .needsShell(NeedsShell("test of no number"))
        }
        return compare(a, b)
    }

    /// A number on which all shells agree: no sign but `-`, no leading zero, no blanks.
    static func decimal(_ word: [UInt8]) -> Int? {
        let digits = word.first == ASCII.dash ? word.dropFirst() : word[...]
        guard !digits.isEmpty, digits.count <= 18, digits.allSatisfy(ASCII.isDigit) else { return nil }
        guard digits.count == 1 || digits.first != 0x30 else { return nil }
        let value = digits.reduce(0) { $0 * 10 + Int($1) - 0x30 }
        return word.first == ASCII.dash ? -value : value
    }
}
