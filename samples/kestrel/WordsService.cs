using Grpc.Core;

namespace KestrelSample;

/// <summary>The gRPC service of the sample: what words.proto says, and an error where there is nothing to reverse.</summary>
public sealed class WordsService : Words.WordsBase
{
    public override Task<Word> Reverse(Word request, ServerCallContext context) => request.Text.Length > 0
        ? Task.FromResult(Reversed(request))
        : throw new RpcException(new Status(StatusCode.InvalidArgument, "an empty word has no other end"));

    public override async Task CountTo(Number request, IServerStreamWriter<Number> responseStream, ServerCallContext context)
    {
        for (long i = 1; i <= request.Value; i++)
        {
            await responseStream.WriteAsync(new() { Value = i }, context.CancellationToken);
        }
    }

    public override async Task<Number> Sum(IAsyncStreamReader<Number> requestStream, ServerCallContext context)
    {
        long sum = 0;
        await foreach (Number number in requestStream.ReadAllAsync(context.CancellationToken))
        {
            sum += number.Value;
        }

        context.ResponseTrailers.Add("sum-is-odd", sum % 2 == 0 ? "no" : "yes");
        return new() { Value = sum };
    }

    public override async Task Talk(IAsyncStreamReader<Word> requestStream, IServerStreamWriter<Word> responseStream, ServerCallContext context)
    {
        await foreach (Word word in requestStream.ReadAllAsync(context.CancellationToken))
        {
            await responseStream.WriteAsync(Reversed(word), context.CancellationToken);
        }
    }

    private static Word Reversed(Word word)
    {
        char[] letters = word.Text.ToCharArray();
        Array.Reverse(letters);
        return new() { Text = new(letters) };
    }
}
