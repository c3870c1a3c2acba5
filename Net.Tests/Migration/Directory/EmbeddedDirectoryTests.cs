using Net.Migration.Directory;

namespace Net.Tests.Migration.Directory;

[TestClass]
public sealed class EmbeddedDirectoryTests : DirectoryContract
{
    private protected override Task<IDirectoryUnderTest> OpenAsync() => Task.FromResult<IDirectoryUnderTest>(new Embedded(new()));

    private sealed class Embedded(MemoryStorage storage) : IDirectoryUnderTest
    {
        private readonly EmbeddedDirectory _directory = new(storage);

        public IOwnershipDirectory Directory => _directory;

        public Task<OwnershipAnswer> AskAsync(OwnershipRequest request, Member by)
        {
            _directory.Submit(request, by);
            Assert.IsTrue(_directory.TryTakeAnswer(out OwnershipAnswer? answer), "it answers at once");
            return Task.FromResult(answer);
        }

        public Task<IDirectoryUnderTest> AgainAsync() => Task.FromResult<IDirectoryUnderTest>(new Embedded(storage));

        public Task BreakAsync()
        {
            storage.Fails = true;
            _directory.Submit(new CreateOwnership(1, "other", A), A);
            return Task.CompletedTask;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
