import Testing

@testable import Core

/// Ranks that would start as so many programs of one rank.
@Suite struct StepNoticeTests {
    private func notice(_ variables: String...) -> StepNotice? { StepNotice(variables.map { Array($0.utf8) }) }

    @Test func firstProcessOfAStepTells() throws {
        let step = try #require(notice("A=b", "SLURM_STEP_NUM_TASKS=4", "SLURM_PROCID=0"))
        #expect(step.text.hasPrefix("4 processes of this step know nothing of each other"))
        #expect(notice("SLURM_STEP_NUM_TASKS=4", "SLURM_PROCID=1") == nil, "one line for a step")
    }

    @Test(arguments: ["PMI_RANK=0", "PMIX_RANK=0", "OMPI_COMM_WORLD_RANK=0"]) func joinedProcessesAreFine(rank: String)
    {
        #expect(notice("SLURM_STEP_NUM_TASKS=4", "SLURM_PROCID=0", rank) == nil)
    }

    @Test func oneProcessIsAlone() {
        #expect(notice("SLURM_STEP_NUM_TASKS=1", "SLURM_PROCID=0") == nil)
        #expect(notice("SLURM_NTASKS=4", "SLURM_PROCID=0") == nil, "a batch script starts its steps later")
        #expect(notice("SLURM_STEP_NUM_TASKS=many", "SLURM_PROCID=0") == nil)
        #expect(notice() == nil)
    }
}
