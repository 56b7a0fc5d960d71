/// The parts of a path pattern, and the machine that matches them in one pass over a path, no matter how many stars
/// there are.
struct PatternMachine: Sendable, Equatable {
    enum Part: Sendable, Equatable {
        case character(Unicode.Scalar)
        /// Any character but the slash.
        case one
        /// Any number of characters but the slash.
        case star
        case range([ClosedRange<Unicode.Scalar>], isNegated: Bool)
        /// Nothing, or any text that ends in a slash.
        case directories
        /// Any text.
        case text
    }

    let parts: [Part]

    /// - Parameter orParent: whether a match of a directory above is enough.
    func matches(_ path: String, orParent: Bool = false) -> Bool {
        // `reached[n]`: n parts can have matched what was read. `inside[n]`: part n, `directories`, has begun.
        var reached = [Bool](repeating: false, count: parts.count + 1)
        var inside = reached
        reached[0] = true
        skip(&reached)
        for scalar in path.unicodeScalars {
            if orParent, scalar == "/", reached[parts.count] { return true }
            step(scalar, &reached, &inside)
            guard reached.contains(true) || inside.contains(true) else { return false }
        }
        return reached[parts.count]
    }

    private func step(_ scalar: Unicode.Scalar, _ reached: inout [Bool], _ inside: inout [Bool]) {
        var following = [Bool](repeating: false, count: parts.count + 1)
        for (index, part) in parts.enumerated() {
            if case .directories = part {
                guard reached[index] || inside[index] else { continue }
                inside[index] = true
                if scalar == "/" { following[index + 1] = true }
            } else if reached[index] {
                switch part {
                case .star: if scalar != "/" { following[index] = true }
                case .text: following[index] = true
                default: if Self.matches(part, scalar) { following[index + 1] = true }
                }
            }
        }
        reached = following
        skip(&reached)
    }

    private static func matches(_ part: Part, _ scalar: Unicode.Scalar) -> Bool {
        switch part {
        case .character(let wanted): scalar == wanted
        case .one: scalar != "/"
        case .range(let ranges, let isNegated): ranges.contains { $0.contains(scalar) } != isNegated
        case .star, .directories, .text: false
        }
    }

    /// Passes the parts that may match nothing.
    private func skip(_ reached: inout [Bool]) {
        for (index, part) in parts.enumerated() where reached[index] {
            switch part {
            case .star, .directories, .text: reached[index + 1] = true
            default: break
            }
        }
    }
}
