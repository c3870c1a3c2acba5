namespace Interop.Federation;

/// <summary>What <c>migrate --json</c> prints, on success and on failure.</summary>
internal sealed record MoveReport
{
    public required string? Component { get; init; }

    public required string? From { get; init; }

    public required string? To { get; init; }

    public required long? Epoch { get; init; }

    public required bool Moved { get; init; }

    public required long? Connections { get; init; }

    public required long? Abandoned { get; init; }

    public required long? FreezeUs { get; init; }

    public required long? StateBytes { get; init; }

    public required MoveError? Error { get; init; }
}

/// <summary>What <c>drain --json</c> prints.</summary>
internal sealed record DrainAnswer
{
    public required string Node { get; init; }

    public required bool Drained { get; init; }

    public required IReadOnlyList<MoveReport> Moves { get; init; }

    public required IReadOnlyList<string> Remaining { get; init; }

    public required MoveError? Error { get; init; }
}

/// <summary>Why a component did not move: a code for programs, a sentence for people.</summary>
internal sealed record MoveError
{
    public required string Code { get; init; }

    public required string Message { get; init; }
}
