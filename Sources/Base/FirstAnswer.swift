extension Sequence {
    /// The first answer that is not nil; each element is asked once at most. A lazy `compactMap` asks twice, and traps when what
    /// it asks for, of a process or a file, has gone meanwhile.
    @inlinable
    package func firstAnswer<Answer>(_ ask: (Element) -> Answer?) -> Answer? {
        for element in self {
            if let answer = ask(element) { return answer }
        }
        return nil
    }
}
