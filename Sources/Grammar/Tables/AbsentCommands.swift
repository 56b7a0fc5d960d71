extension Table {
    /// Commands of Apptainer that this version does not have.
    static var absentCommands: [String] {
        [
            "checkpoint", "key", "keys", "oci",
            "overlay", "sign", "siftool", "verify",
            "completion powershell",
        ]
    }
}
