extension Sequence {
    /// Returns the first answer that is not nil; each element is asked at most once. A lazy `compactMap` asks twice,
    /// and traps when the process or file it asks about has gone in the meantime.
    @inlinable
    package func firstAnswer<Answer>(_ ask: (Element) -> Answer?) -> Answer? {
        for element in self {
            if let answer = ask(element) { return answer }
        }
        return nil
    }
}
