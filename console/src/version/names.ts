// How metrics are called where there is room for words.
export const kNames: Record<string, string> = {
  roc_auc: "ROC AUC", average_precision: "Average precision", ece: "Calibration error (ECE)", log_loss: "Log loss",
  brier: "Brier score", precision: "Precision", recall: "Recall", saving: "Saving", flagged_share: "Flagged", f1: "F1",
  accuracy: "Accuracy",
};
