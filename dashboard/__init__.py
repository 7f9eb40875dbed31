"""What people look at: Streamlit pages over the stored tickets and the ledger. Reads only."""
