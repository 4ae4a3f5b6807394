"""The causes, by link of the chain. A function yields an `Answer` where its cause holds."""
