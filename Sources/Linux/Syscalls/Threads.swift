import CLinux

/// pthread_create(3): a detached thread for the helpers that serve; the launch path has none.
package func startThread(_ body: @escaping @Sendable () -> Void) throws(Errno) {
    final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    let box = Unmanaged.passRetained(Box(body))
    var thread = pthread_t()
    let failure = pthread_create(
        &thread, nil,
        { argument in
            guard let argument else { return nil }
            Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
            return nil
        }, box.toOpaque())
    guard failure == 0 else {
        box.release()
        throw Errno(failure)
    }
    pthread_detach(thread)
}

/// pthread_create(3) and pthread_join(3): runs `body` with the numbers below `count` at the same time, one thread each,
/// and comes back when all have ended. Runs them itself, one after another, where no thread can be had.
package func inThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    final class Box {
        let body: @Sendable (Int) -> Void
        let number: Int
        init(_ body: @escaping @Sendable (Int) -> Void, _ number: Int) { (self.body, self.number) = (body, number) }
    }
    var threads: [pthread_t] = []
    for number in 1..<max(1, count) {
        let box = Unmanaged.passRetained(Box(body, number))
        var thread = pthread_t()
        let failure = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let box = Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
                box.body(box.number)
                return nil
            }, box.toOpaque())
        if failure == 0 {
            threads.append(thread)
        } else {
            box.release()
            body(number)
        }
    }
    if count > 0 { body(0) }
    for thread in threads { pthread_join(thread, nil) }
}
