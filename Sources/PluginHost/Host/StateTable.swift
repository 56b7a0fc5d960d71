import PluginAPI

/// `skiff.host.state/1`: a pointer of the plugin's for its session.
nonisolated(unsafe) let stateTable = permanent(
    skiff_host_state(
        struct_size: UInt32(MemoryLayout<skiff_host_state>.size), reserved: 0,
        set: { pointer, state, cleanup in
            guard let session = Session.from(pointer, in: anyPhase), !session.isInChild else { return SKIFF_E_PHASE }
            session.state?.free()
            session.state = state.map { PluginSessionState(pointer: $0, cleanup: cleanup) }
            return SKIFF_OK
        },
        get: { pointer, out in
            guard let session = Session.from(pointer, in: anyPhase) else { return SKIFF_E_PHASE }
            guard let out else { return SKIFF_E_INVALID }
            guard let state = session.state else { return SKIFF_DECLINED }
            out.pointee = state.pointer
            return SKIFF_OK
        }))

/// What a plugin keeps for one session.
struct PluginSessionState {
    let pointer: UnsafeMutableRawPointer
    let cleanup: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?

    func free() { cleanup?(pointer) }
}
