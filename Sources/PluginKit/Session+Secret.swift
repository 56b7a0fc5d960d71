import PluginAPI

extension Session {
    private typealias Use = (UnsafeRawBufferPointer) -> Int32

    /// Lends a secret of the user to `body`; `skiff/host/secret.h` has the names. The host wipes it afterwards.
    ///
    /// - Returns: nil when there is none.
    public func borrow<Result>(
        _ name: String, _ body: (UnsafeRawBufferPointer) throws(PluginError) -> Result
    ) throws(PluginError) -> Result? {
        let slot = try table(SKIFF_HOST_SECRET, skiff_host_secret.self).borrow
        var result: Result?
        var failure: PluginError?
        let status = withoutActuallyEscaping(
            { (bytes: UnsafeRawBufferPointer) -> Int32 in
                do throws(PluginError) {
                    result = try body(bytes)
                    return SKIFF_OK
                } catch {
                    failure = error
                    return error.status
                }
            },
            do: { use in
                withUnsafePointer(to: use) { place in
                    name.withTerminatedBytes { name in
                        slot?(
                            pointer, name,
                            { context, bytes, count in
                                guard let use = context?.assumingMemoryBound(to: Use.self).pointee else {
                                    return SKIFF_E_INTERNAL
                                }
                                return use(UnsafeRawBufferPointer(start: bytes, count: Int(clamping: count)))
                            }, UnsafeMutableRawPointer(mutating: place))
                    }
                }
            })
        if let failure { throw failure }
        if status == SKIFF_DECLINED { return nil }
        try check(status)
        return result
    }

    /// In `unlock` of `skiff.crypto/2`: keeps what `resume` needs in another process.
    public func keep(_ bytes: UnsafeRawBufferPointer) throws(PluginError) {
        let slot = try table(SKIFF_HOST_SECRET, skiff_host_secret.self).keep
        try check(slot?(pointer, bytes.baseAddress, UInt64(bytes.count)))
    }
}
